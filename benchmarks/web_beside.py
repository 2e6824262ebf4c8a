"""What open pages cost the loop: python benchmarks/web_beside.py [SERVICES [PAGES [SECONDS [ROUNDS]]]]

500 services are asked every 10 s by `wd watch --web`. In turn no page is open, and 20 are, each asking for news every
2 seconds as a browser does. Prints the CPU time of the loop (without the page, a process of its own), that of the page,
and their memory.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from many_services import PLAYBOOK, ROOT, Farm, loop_of
from web_page import poll


class Family:
    """The loop and its children on one side, the page on the other."""

    def __init__(self, parent: psutil.Process) -> None:
        self.parent, self.loop = parent, loop_of(parent)
        while not (pages := [one for one in self.loop.children() if "web" in one.cmdline()]):
            time.sleep(0.1)
        self.page = pages[0]

    def cost(self) -> tuple[float, float]:
        """CPU seconds so far: of the loop, its other children and those that have ended; of the page."""
        others = [one for one in self.loop.children(recursive=True) if one.pid != self.page.pid]
        of_loop = sum(sum(one.cpu_times()[:2]) for one in (self.loop, *others)) + sum(self.loop.cpu_times()[2:4])
        return of_loop, sum(self.page.cpu_times()[:4])

    def memory(self) -> str:
        used = (one.memory_full_info().pss / 2**20 for one in (self.loop, self.parent, self.page))
        return "{:.0f}, {:.0f} and {:.0f} MiB (loop, its parent, page)".format(*used)


def measure(family: Family, port: int, pages: int, seconds: float) -> tuple[float, float]:
    """CPU seconds a minute, of the loop and of the page."""
    taken: list[float] = []
    over = threading.Event()
    threads = [threading.Thread(target=poll, args=(port, taken, over), daemon=True) for _ in range(pages)]
    for thread in threads:
        thread.start()
    time.sleep(5.0)  # the first looks are over
    begun, before = time.monotonic(), family.cost()
    time.sleep(seconds)
    took, after = time.monotonic() - begun, family.cost()
    over.set()
    for thread in threads:
        thread.join()
    of_loop, of_page = ((new - old) / took * 60 for old, new in zip(before, after, strict=True))
    news = f", {len(taken)} answers, {statistics.median(taken) * 1000:.0f} ms each" if taken else ""
    print(
        f"{pages:>2} pages open: loop {of_loop:.2f}, page {of_page:.2f} CPU s a minute{news}; {family.memory()}",
        flush=True,
    )
    return of_loop, of_page


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    count, pages, seconds, rounds = (*given, *(500, 20, 60, 3)[len(given) :])
    with tempfile.TemporaryDirectory(prefix="wd-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as place:
        farm, home = Farm(count, 0), Path(place)
        for name in ("playbooks", "runbooks", "logs"):
            (home / name).mkdir(mode=0o700)
        for number, port in enumerate(farm.ports):
            (home / "playbooks" / f"s{number:03}.yml").write_text(PLAYBOOK.format(number=number, port=port))
        farm.start()
        line = [sys.executable, "-m", "watchdog.cli.main", "--home", place, "watch", "--web", "127.0.0.1:0"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        log = home / "said.txt"
        with log.open("w") as out, subprocess.Popen(line, env=env, stdout=out, stderr=out) as started:
            try:
                while not (all(farm.asked) and (found := re.search(r"the page is at \S+:(\d+)", log.read_text()))):
                    time.sleep(0.1)
                family = Family(psutil.Process(started.pid))
                told = [measure(family, int(found[1]), at, seconds)[0] for _ in range(rounds) for at in (0, pages)]
            finally:
                started.terminate()
    quiet, watched = statistics.median(told[::2]), statistics.median(told[1::2])
    print(f"the loop: median {quiet:.2f} with no page, {watched:.2f} with {pages}: {watched / quiet:.2f} times")


if __name__ == "__main__":
    main()
