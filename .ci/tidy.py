#!/usr/bin/env python3
"""Check what no compiler checks: front pages, layering, leftovers, and dependencies' licences.

Run from anywhere; prints one line per finding and exits 1 when there is one. Called by .ci/check.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES_MAX = 600
# A longer source file says why in one of its first lines.
LONG_FILE_REASON = "tidy: long because"
SOURCES = {".rs", ".toml", ".mjs", ".py", ".sh", ".sol", ".md", ".json"}
GENERATED = {"Cargo.lock", "package-lock.json"}
LEGAL = {"LICENSE-MIT", "LICENSE-APACHE"}

# Joined here so that this file does not hold what it looks for.
MARKERS = re.compile(
    r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b"
    r"|\b(to" + r"do|unimple" + r"mented)!|\bfor no" + r"w\b|\bst" + r"ub(bed|s)?\b|\bplace" + r"holder\b",
)
HOSTS = re.compile(
    "|".join(re.escape(".".join(parts)) for parts in [("npmjs", "org"), ("pypi", "org"), ("pythonhosted", "org"),
                                                      ("crates", "io"), ("yarnpkg", "com")])
    + r"|\"resolved\"|--(extra-)?index-url|registry\s*=\s*[\"']?http",
)
MACHINE = re.compile(r"(?<![\w.])/(work|root|home|Users)/\w")
TICKETS = re.compile(r"\bissue #?\d+", re.IGNORECASE)

RUNTIMES = {"tokio", "async-std", "smol", "async-io", "mio", "libp2p", "hyper", "axum", "jsonrpsee", "redb"}

LICENCES = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0",
    "CC0-1.0", "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib", "CDLA-Permissive-2.0",
}
# Packages whose licence is none of the above, each with the reason it may stay.
LICENCE_EXCEPTIONS = {}


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, text=True, capture_output=True).stdout


def tracked_files():
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return sorted(ROOT / name for name in names if name and (ROOT / name).is_file())


def metadata():
    return json.loads(run("cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"))


def check_files():
    for path in tracked_files():
        name = path.relative_to(ROOT)
        if path.name in LEGAL or (path.suffix not in SOURCES and path.parent.name != ".ci"):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        generated = path.name in GENERATED
        if path.suffix == ".rs" and len(lines) > LINES_MAX and LONG_FILE_REASON not in "\n".join(lines[:20]):
            yield f"{name}: {len(lines)} lines; split it, or say '{LONG_FILE_REASON} ...' at its top"
        for number, line in enumerate(lines, 1):
            at = f"{name}:{number}"
            if not generated and not line.isascii():
                yield f"{at}: not ASCII"
            if not generated and path != Path(__file__).resolve() and (found := MARKERS.search(line)):
                yield f"{at}: leftover marker '{found.group()}'"
            if found := HOSTS.search(line):
                yield f"{at}: names a package registry: '{found.group()}'"
            if found := MACHINE.search(line):
                yield f"{at}: names a path of one machine: '{found.group()}'"
            if found := TICKETS.search(line):
                yield f"{at}: names a ticket: '{found.group()}'"


def check_crates(packages):
    front_page = (ROOT / "README.md").read_text()
    for package in packages:
        folder = Path(package["manifest_path"]).parent
        name = package["name"]
        manifest = (folder / "Cargo.toml").read_text()
        if not re.search(r"^\[lints\]\nworkspace = true$", manifest, re.MULTILINE):
            yield f"{name}: does not inherit the workspace's lints"
        readme = folder / "README.md"
        if not readme.is_file():
            yield f"{name}: has no README.md"
            continue
        if readme.read_text().splitlines()[0] != package["description"]:
            yield f"{name}: the first line of README.md is not the manifest's description"
        if package["description"] not in front_page:
            yield f"{name}: the root README's map lacks its description"
        library = folder / "src" / "lib.rs"
        if name not in OUTSIDE and '#![doc = include_str!("../README.md")]' not in library.read_text():
            yield f"{name}: lib.rs does not take its documentation from README.md"


OUTSIDE = {"mbt-examples", "mbt-benches"}


def check_purity(packages):
    for package in packages:
        if package["name"] in OUTSIDE:
            continue
        tree = run("cargo", "tree", "--locked", "--all-features", "-p", package["name"], "-e", "normal",
                   "--prefix", "none", "--format", "{p}")
        below = {line.split()[0] for line in tree.splitlines() if line}
        for found in sorted(below & RUNTIMES):
            yield f"{package['name']}: a pure crate depends on {found}"


NO_STD = {"mbt-crypto", "mbt-account", "mbt-trie"}


def check_no_std(packages):
    """Without default features, neither the crate nor what it depends on may name the standard library.

    The compiler refuses a `std::` path in a crate with `no_std`; a dependency's feature it takes silently.
    """
    for package in packages:
        name = package["name"]
        if name not in NO_STD:
            continue
        sources = Path(package["manifest_path"]).parent / "src"
        attribute = r'^#!\[(cfg_attr\(not\((test|any\(test, feature = "std"\))\), )?no_std\)?\]$'
        if not re.search(attribute, (sources / "lib.rs").read_text(), re.MULTILINE):
            yield f"{name}: lib.rs is not no_std"
        for path in sorted(sources.rglob("*.rs")):
            if re.search(r"^\s*extern crate std\b", path.read_text(), re.MULTILINE):
                yield f"{path.relative_to(ROOT)}: brings the standard library back"
        tree = run("cargo", "tree", "--locked", "-p", name, "--no-default-features", "-e", "normal,no-proc-macro",
                   "--prefix", "none", "--format", "{p}\t{f}")
        for line in sorted(set(tree.replace(" (*)", "").splitlines())):
            package_below, _, features = line.partition("\t")
            if "std" in features.split(","):
                yield f"{name}: without default features, {package_below.split()[0]} is built with std"


def licence_allowed(expression):
    """Evaluate an SPDX expression: a choice needs one allowed side, a conjunction needs all."""
    expression = re.sub(r"\s*/\s*", " OR ", expression.strip())
    tokens = re.findall(r"\(|\)|[^\s()]+(?: WITH [^\s()]+)?", expression)

    def either():
        value = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            value = both() or value
        return value

    def both():
        value = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            value = one() and value
        return value

    def one():
        token = tokens.pop(0)
        if token != "(":
            return token in LICENCES
        value = either()
        tokens.pop(0)
        return value

    return either()


def check_licences():
    tree = run("cargo", "tree", "--locked", "--workspace", "-e", "normal,build,dev", "--prefix", "none",
               "--format", "{p}\t{l}")
    for line in sorted(set(tree.replace(" (*)", "").splitlines())):
        package, _, licence = line.partition("\t")
        if package and package.split()[0] not in LICENCE_EXCEPTIONS and not licence_allowed(licence or "none"):
            yield f"{package}: licence '{licence}' is not on the list"


def main():
    meta = metadata()
    members = [package for package in meta["packages"] if package["id"] in meta["workspace_members"]]
    findings = [
        *check_files(), *check_crates(members), *check_purity(members), *check_no_std(members),
        *check_licences(),
    ]
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings in {len(members)} crates")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
