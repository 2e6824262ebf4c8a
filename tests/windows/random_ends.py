"""`wd` is ended at random moments of a run: is the server up afterwards, each time, once?

python tests/windows/random_ends.py [MOMENTS] [SEED]
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from machine import WITHIN, Home, Programs, answers, command_lines, told

RUNS: tuple[Sequence[str], ...] = (("restart", "shop", "--yes"), ("run", "frozen-server", "--service", "shop", "--yes"))
STILL = 3.0  # seconds for which one server answers and nothing changes: then no start is under way any more


def main() -> int:
    moments, seed = (*(int(word) for word in sys.argv[1:]), *(40, 1)[len(sys.argv) - 1 :])
    chance, counts = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:
        programs = Programs(Path(made))
        home = Home(programs)
        try:
            home.service(
                policy={"per_hour": 0, "per_hour_everywhere": 0, "give_up": {"restarts": 1000, "within": "1s"}}
            )
            done = home.wd("start", "shop")
            assert done.returncode == 0, told(done)
            longest = [_seconds(home, words) for words in RUNS]
            for moment in range(moments):
                words, most = RUNS[moment % 2], longest[moment % 2]
                counts.update(_round(home, words, chance.uniform(0, most)))
                print(moment + 1, dict(counts), flush=True)
        finally:
            programs.end()
    print(f"wd ended at {moments} moments of a run of up to {max(longest):.1f} s: server up {counts['up']} times, "
          f"with two copies {counts['twice']} times; {counts['new']} times it was a new one")  # fmt: skip
    return 0 if counts["up"] == moments and not counts["twice"] else 1


def _seconds(home: Home, words: Sequence[str]) -> float:
    """How long a run takes that nobody ends."""
    began = time.monotonic()
    done = home.wd(*words)
    assert done.returncode == 0, told(done)
    return time.monotonic() - began


def _round(home: Home, words: Sequence[str], moment: float) -> list[str]:
    home.wd("resume", "shop")  # many ends within minutes would be a crash loop
    before = home.holder()
    run = subprocess.Popen(
        [sys.executable, "-m", "watchdog.cli.main", "--home", str(home.folder), *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        run.wait(moment)
    except subprocess.TimeoutExpired:
        pass
    finally:
        run.kill()
        run.wait(30)
    up, most = _settle(home)
    if not up:
        print(
            f"not up after {words} ended at {moment:.2f} s: holder {home.holder()}, copies {_copies(home)}", flush=True
        )
        print(told(home.wd("status", "shop")), told(home.wd("start", "shop")), flush=True)
    counts = {"up": up, "twice": most > 1, "new": up and home.holder() != before}
    return [name for name, seen in counts.items() if seen]


def _settle(home: Home) -> tuple[bool, int]:
    """Waits until one server answers and stays: whether it did, and the most copies that were seen at once."""
    most, since, last = 0, time.monotonic(), 0
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        copies, holder = _copies(home), home.holder()
        most = max(most, len(copies))
        if holder != last or [holder] != copies or not answers(home.port):
            since, last = time.monotonic(), holder
        if holder and time.monotonic() - since > STILL:
            return True, most
        time.sleep(0.1)
    return False, most


def _copies(home: Home) -> list[int]:
    """The pids of all servers of this home."""
    script = str(home.programs.folder / "shop.py")
    return [one.pid for one, words in command_lines() if words[1:2] == [script]]


if __name__ == "__main__":
    sys.exit(main())
