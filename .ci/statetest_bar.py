#!/usr/bin/env python3
"""Judge mbt-statetest's output: statetest_bar.py FILE PERCENT_MIN

Prints the totals and the failures counted by folder and error; exits 1 below the bar.
"""

import collections
import json
import sys
from pathlib import Path

EXAMPLES_SHOWN = 20


def main(path, percent_min):
    lines = [line for line in Path(path).read_text().splitlines() if line.strip()]
    if not lines:
        print("mbt-statetest printed nothing")
        return 1
    totals = json.loads(lines[-1])
    if not {"passed", "failed", "skipped"} <= totals.keys():
        print(f"mbt-statetest ended without its totals; last line: {lines[-1][:200]}")
        return 1
    failures = [case for line in lines[:-1] if not (case := json.loads(line))["pass"]]
    causes = collections.Counter(
        (Path(case["file"]).parent.name, str(case["error"])[:100]) for case in failures
    )
    for (folder, error), count in causes.most_common(EXAMPLES_SHOWN):
        print(f"{count:6} {folder}: {error}")
    judged = totals["passed"] + totals["failed"]
    percent = 100 * totals["passed"] / judged if judged else 0
    print(f"{totals['passed']} of {judged} passed ({percent:.2f} %); skipped: {totals['skipped']}")
    return 0 if percent >= percent_min else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
