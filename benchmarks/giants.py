"""Servers beyond the usual size: does `wd why` end in its time, and with how much memory?

    python benchmarks/giants.py [SHARE]        # 1 without a number; 0.1 makes them a tenth as large

10,000 threads, 100,000 asyncio tasks, both also in a queue for one lock, 60,000 descriptors (or as many as the system
allows), 5 GB of memory, and interpreters whose structures in memory are overwritten with noise, as a wild pointer does.
Each look may take its 20 seconds and no more than 300 MB together.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import giants  # noqa: E402

WITHIN, MOST = 20.0, 300.0
KINDS = {
    "threads": 10_000,
    "convoy": 10_000,
    "tasks": 100_000,
    "queue_of_tasks": 100_000,
    "descriptors": 60_000,
    "memory": 5_000,
}
SPOILT = 12


def told(name: str, result: dict[str, object], cost: giants.Cost) -> bool:
    fine = cost.seconds <= WITHIN + giants.SLACK and cost.together <= MOST
    print(
        f"{name:<34} {result.get('verdict')!s:<18} {cost.seconds:5.1f} s  {cost.together:4.0f} MiB together"
        f"{'' if fine else '   TOO MUCH'}",
        flush=True,
    )
    return fine


def main(share: float) -> int:
    good = True
    for kind, most in KINDS.items():
        count = max(1, int(most * share))
        with tempfile.TemporaryDirectory() as place, giants.giant(kind, count, Path(place)) as server:
            good &= told(f"{count:,} {kind.replace('_', ' ')}", *giants.why(server, WITHIN))
    for seed in range(SPOILT):
        with tempfile.TemporaryDirectory() as place, giants.giant("bare", 0, Path(place)) as server:
            where = giants.spoil(server.pid, Path(place) / "bare-0.mark", seed)
            good &= told(f"noise {seed} in {where}", *giants.why(server, WITHIN))
            assert server.process.poll() is None
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
