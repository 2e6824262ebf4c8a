"""What the loop costs: N services asked every 10 s, some of them hung, in mode observe.

    python benchmarks/many_services.py [SERVICES [HUNG [SECONDS]]]      (default: 500 0 60)

One process plays all the servers and notes when each was asked. Prints CPU seconds a minute of the loop and its
children, memory, how far the questions to the healthy services lay from their period, and how many were left out.
"""

from __future__ import annotations

import itertools
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
PERIOD = 10.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"
PLAYBOOK = """
service: s{number:03}
find: {{port: {port}}}
probes:
  health: {{http: /health, every: 10s, timeout: 5s, fails: 3}}
triggers:
  - {{on: health, run: frozen-server}}
policy: {{mode: observe}}
"""


class Farm(threading.Thread):
    """Servers on ports of their own; the first `hung` accept and never answer."""

    def __init__(self, count: int, hung: int) -> None:
        super().__init__(daemon=True)
        self._hung, self._selector = hung, selectors.DefaultSelector()
        self.asked: list[list[float]] = [[] for _ in range(count)]
        self.ports = [self._listen(number) for number in range(count)]

    def _listen(self, number: int) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, (number, True))
        return int(listener.getsockname()[1])

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                number, listens = key.data
                if listens:
                    client, _ = key.fileobj.accept()  # type: ignore[union-attr]
                    self.asked[number].append(time.monotonic())
                    self._selector.register(client, selectors.EVENT_READ, (number, False))
                elif number >= self._hung or not key.fileobj.recv(1, socket.MSG_PEEK):  # type: ignore[union-attr]
                    self._selector.unregister(key.fileobj)
                    key.fileobj.recv(4096)  # type: ignore[union-attr]
                    key.fileobj.send(ANSWER)  # type: ignore[union-attr]
                    key.fileobj.close()  # type: ignore[union-attr]
                else:
                    self._selector.unregister(key.fileobj)


def loop_of(parent: psutil.Process) -> psutil.Process:
    """The process that asks: the only child of the one that was started, which watches it."""
    while not (children := parent.children()):
        time.sleep(0.1)
    return children[0]


def cost(loop: psutil.Process) -> float:
    """CPU seconds so far of the loop, its living children and those that have ended."""
    family = [loop, *loop.children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in family) + sum(loop.cpu_times()[2:4])


def memory(*processes: psutil.Process) -> str:
    """Of each in MiB; what they share, because one is a fork of the other, counts in parts."""
    return " and ".join(f"{one.memory_full_info().pss / 2**20:.0f}" for one in processes)


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    count, hung, seconds = (*given, *(500, 0, 60)[len(given) :])
    with tempfile.TemporaryDirectory(prefix="wd-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as place:
        farm, home = Farm(count, hung), Path(place)
        for name in ("playbooks", "runbooks", "logs"):
            (home / name).mkdir(mode=0o700)
        for number, port in enumerate(farm.ports):
            (home / "playbooks" / f"s{number:03}.yml").write_text(PLAYBOOK.format(number=number, port=port))
        farm.start()
        line = [sys.executable, "-m", "watchdog.cli.main", "--home", place, "watch"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(line, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
            while not all(farm.asked):
                time.sleep(0.1)
            parent = psutil.Process(started.pid)
            loop, begun = loop_of(parent), time.monotonic()
            before = cost(loop)
            time.sleep(seconds)
            after, took, used = cost(loop), time.monotonic() - begun, memory(loop, parent)
            started.terminate()
    print(f"{(after - before) / took * 60:.2f} CPU s a minute; {used} MiB (the loop and its parent)")
    gaps = [b - a for times in farm.asked[hung:] for a, b in itertools.pairwise(times)]
    off = sorted(abs(gap - PERIOD) for gap in gaps)
    print(
        f"{len(off)} gaps: p50 {off[len(off) // 2]:.3f} s, p99 {off[int(len(off) * 0.99)]:.3f} s off the period; "
        f"{sum(gap > 1.5 * PERIOD for gap in gaps)} left out"
    )


if __name__ == "__main__":
    main()
