"""How many workers a server should have, and how a given number stands: pure arithmetic.

For servers that wait most of the time (outside services, databases): the least of CPU × 4 to 8, memory / memory of one
worker, and users at peak / 10. Memory is the bound that kills when it is overstepped, so it is judged apart.
"""

from __future__ import annotations

from typing import Literal

from watchdog.model.records import record

LOW_PER_CPU, HIGH_PER_CPU = 4, 8
USERS_PER_WORKER = 10
TIGHT, FULL = 0.9, 1.0  # of the memory: little head-room, and an OOM kill to be expected
Risk = Literal["low", "medium", "high"]


@record(frozen=True)
class Count:
    """The number of workers and each bound that it comes from. None: that bound was not given."""

    workers: int
    by_cpu: tuple[int, int]
    by_memory: int | None
    by_users: int | None
    limited_by: str  # cpu, memory, users

    def words(self) -> str:
        parts = [f"CPU {self.by_cpu[0]}-{self.by_cpu[1]}"]
        parts += [f"memory {self.by_memory}"] if self.by_memory is not None else []
        parts += [f"users {self.by_users}"] if self.by_users is not None else []
        return f"{self.workers} workers = min({', '.join(parts)}), bound by {self.limited_by}"


@record(frozen=True)
class Standing:
    """What a number of workers means for the memory."""

    workers: int
    needed: int  # bytes that all of them take
    share: float  # of the memory that there is
    risk: Risk  # of an OOM kill

    @property
    def room(self) -> float:
        """What is left of the memory, as a share; negative if there is too little."""
        return 1 - self.share


def count(cpus: float, memory: int, worker_memory: int | None, peak_users: int | None) -> Count:
    """The number of workers; at least one."""
    by_cpu = (max(1, int(cpus * LOW_PER_CPU)), max(1, int(cpus * HIGH_PER_CPU)))
    by_memory = max(0, memory // worker_memory) if worker_memory else None
    by_users = -(-peak_users // USERS_PER_WORKER) if peak_users is not None else None
    bounds = {"cpu": by_cpu[1], "memory": by_memory, "users": by_users}
    known = {name: bound for name, bound in bounds.items() if bound is not None}
    limited_by = min(known, key=lambda name: known[name])
    return Count(max(1, known[limited_by]), by_cpu, by_memory, by_users, limited_by)


def standing(workers: int, memory: int, worker_memory: int, beside: int = 0) -> Standing:
    """How so many workers stand, with `beside` bytes that the master takes. `memory` is what they may use in all."""
    needed = workers * worker_memory + beside
    share = needed / memory if memory else 0.0
    risk: Risk = "high" if share > FULL else "medium" if share > TIGHT else "low"
    return Standing(workers, needed, share, risk)
