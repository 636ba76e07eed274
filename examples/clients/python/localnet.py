"""Start a fresh mbt-localnet for the tests and stop it again.

MBT_LOCALNET names the binary; without it the workspace's release build is taken.
"""

import json
import os
import queue
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

BINARY = os.environ.get(
    "MBT_LOCALNET",
    str(Path(__file__).resolve().parents[3] / "target" / "release" / "mbt-localnet"),
)
READY_S = 60
STOP_S = 15
LOG_LINES = 60
# Ports kept free above the base port: more than the localnet's nodes use.
PORTS = 40
# The network ends by itself after this time, should a test run die without stopping it.
LIFETIME_S = 900


class Localnet:
    """A running localnet; `network` is its ready line."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="mbt-clients-")
        folder = Path(self._folder.name)
        self._log_path = folder / "localnet.log"
        arguments = ["--json", "--base-port", str(_free_ports()), "--data", str(folder / "data")]
        with self._log_path.open("w") as log:
            self._process = subprocess.Popen(
                [BINARY, *arguments, "--duration", str(LIFETIME_S)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            self.network = self._wait_until_ready()
        except Exception as cause:
            tail = self.log_tail()
            self.stop()
            raise RuntimeError(f"{BINARY} did not get ready: {cause}\n{tail}") from cause

    def log_tail(self):
        lines = self._log_path.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES:])

    def stop(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    def _wait_until_ready(self):
        lines = queue.Queue()

        def read():
            for line in self._process.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        end = time.monotonic() + READY_S
        while True:
            line = lines.get(timeout=max(0.0, end - time.monotonic()))
            if line is None:
                raise RuntimeError(f"it ended with {self._process.wait()}")
            value = json.loads(line)
            if value.get("ready") is True:
                return value


def _free_ports():
    for _ in range(50):
        base = 20_000 + 50 * random.randrange(240)
        if all(_can_bind(base + offset) for offset in range(PORTS)):
            return base
    raise RuntimeError("no free range of loopback ports")


def _can_bind(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
