"""What the benchmarks share: programs side by side, turn by turn, and what came of it as Markdown and JSON.

Each round runs every contender once, in an order that turns by one each round, so that a busy moment of the machine
meets all of them. Wall time says what a person waits; CPU time (user and system, with children) depends far less on who
else is busy. Both are medians, and so is the ratio of wall times; that of CPU times compares the least of each. A peer
that is not installed is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

WD = str(Path(sys.executable).with_name("wd"))
# A wd that people install has its modules compiled.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_LOAD = """
import os, signal, socket, sys
def child(sockets):
    pid = os.fork()
    if pid == 0:
        if not sockets: os.execvp("sleep", ["sleep", "3600"])
        kept = [socket.socket() for _ in range(sockets)]
        while True: signal.pause()
    return pid
count = int(sys.argv[1])
found = [child(100 if count >= 3000 and number % 10 == 0 else 0) for number in range(count)]
print("ready", flush=True)
sys.stdin.read()
for one in found: os.kill(one, signal.SIGKILL)
for one in found: os.waitpid(one, 0)
"""


@dataclass
class Contender:
    """One program that answers the question. `before` gives the words to run, and prepares what they need."""

    name: str
    before: Callable[[], Sequence[str]]
    after: Callable[[], None] = lambda: None
    done: Callable[[], bool] | None = None  # the time ends when this is true, and not with the program
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: int = 0  # KiB at most

    def run(self, environment: dict[str, str]) -> None:
        words = self.before()
        try:
            begun = time.monotonic()
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
            while self.done and not self.done():
                time.sleep(0.001)
            reached = time.monotonic()
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = 0
            self.wall.append((reached if self.done else time.monotonic()) - begun)
            self.cpu.append(used.ru_utime + used.ru_stime)
            self.memory = max(self.memory, used.ru_maxrss)
        finally:
            self.after()


@dataclass
class Outcome:
    """Medians of one question under one load, in milliseconds."""

    question: str
    processes: int  # of the load
    rounds: int
    busy: float  # runnable processes a CPU, in the mean: above 1 the machine was busy
    rows: list[dict[str, object]]
    calls: int | None = None  # system calls of wd, with its children


def measure(question: str, contenders: Sequence[Contender], rounds: int, processes: int, count: bool = True) -> Outcome:
    """The first contender is wd, and the others are compared with it."""
    with home() as environment, load(processes):
        return measure_in(environment, question, contenders, rounds, processes, count)


def measure_in(
    environment: dict[str, str],
    question: str,
    contenders: Sequence[Contender],
    rounds: int,
    processes: int = 0,
    count: bool = True,
) -> Outcome:
    """The same in a home that is there already."""
    for number in range(-1, rounds):
        turn = max(0, number) % len(contenders)
        for one in (*contenders[turn:], *contenders[:turn]):
            one.run(environment)
            if number < 0:  # caches are filled
                one.wall.clear()
                one.cpu.clear()
    calls = system_calls(contenders[0], environment) if count else None
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    own = contenders[0]
    rows: list[dict[str, object]] = [
        {
            "name": one.name,
            "wall_ms": round(1000 * statistics.median(one.wall), 1),
            "cpu_ms": round(1000 * statistics.median(one.cpu), 1),
            "wall_ratio": round(statistics.median(own.wall) / statistics.median(one.wall), 2),
            "cpu_ratio": round(min(own.cpu) / max(0.001, min(one.cpu)), 2),
            "memory_mib": round(one.memory / 1024),
        }
        for one in contenders
    ]
    return Outcome(question, processes, rounds, round(busy, 1), rows, calls)


def system_calls(contender: Contender, environment: dict[str, str]) -> int | None:
    """As strace counts them, where it is installed."""
    if not shutil.which("strace"):
        return None
    with tempfile.NamedTemporaryFile() as table:
        words = contender.before()
        try:
            subprocess.run(
                ["strace", "-c", "-f", "-o", table.name, *words], check=False, capture_output=True, env=environment
            )
        finally:
            contender.after()
        total = Path(table.name).read_text().splitlines()[-1].split()
    return int(total[3]) if total and total[-1] == "total" else None


@contextlib.contextmanager
def home() -> Iterator[dict[str, str]]:
    """A home without services, for the records that wd writes; the variables that name it."""
    with tempfile.TemporaryDirectory(prefix="wd-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as place:
        Path(place, "logs").mkdir(mode=0o700)
        yield {**ENVIRONMENT, "WD_HOME": place}


@contextlib.contextmanager
def load(count: int) -> Iterator[None]:
    """So many more processes, in a session of their own, that end with the block. From 3,000 on every tenth of them has
    100 sockets."""
    words = [sys.executable, "-c", _LOAD, str(count)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as maker:
        assert maker.stdin is not None and maker.stdout is not None
        try:
            maker.stdout.readline()
            yield
        finally:
            maker.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                maker.wait(60)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(maker.pid, signal.SIGKILL)


def installed(*contenders: tuple[str, Contender]) -> list[Contender]:
    """Those whose program is on PATH."""
    return [one for program, one in contenders if shutil.which(program)]


def fixed(name: str, *words: str) -> Contender:
    """A contender whose words are always the same."""
    return Contender(name, lambda: words)


def options(
    about: str,
    loads: Sequence[int] | None = (0, 1000),
    more: Callable[[argparse.ArgumentParser], None] = lambda _: None,
) -> argparse.Namespace:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended then, too
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    if loads is not None:
        parser.add_argument("--processes", type=int, nargs="*", default=list(loads), help="sizes of the load")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    more(parser)
    return parser.parse_args()


def show(outcomes: Sequence[Outcome], file: Path | None) -> None:
    """Markdown on standard output; JSON into the file, if one is given."""
    for outcome in outcomes:
        print(f"\n**{outcome.question}**, {outcome.processes} processes more, {outcome.rounds} rounds, ", end="")
        print(f"load {outcome.busy} a CPU", end="")
        print(f", {outcome.calls} system calls of wd" if outcome.calls else "")
        print("\n| | wall ms | CPU ms | wd to it, wall | wd to it, CPU | MiB |\n|---|---|---|---|---|---|")
        for row in outcome.rows:
            print("| " + " | ".join(str(value) for value in row.values()) + " |")
    if file:
        file.write_text(json.dumps([asdict(one) for one in outcomes], indent=1) + "\n")
