"""The machine at one moment: memory, swap, load, pressure, disks, a control group's limits, who uses most.

Nothing here raises: what cannot be read is None or left out.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Mapping

from watchdog.model.evidence import DiskLook, MachineLook
from watchdog.model.facts import GroupMemory
from watchdog.model.process import Process
from watchdog.system.process import processes

if sys.platform == "linux":
    from watchdog.system.linux import machine as here
    from watchdog.system.linux.machine import address_limit, disk
else:
    from watchdog.system.portable import machine as here
    from watchdog.system.portable.machine import address_limit, disk

__all__ = ["address_limit", "disk", "disk_within", "disks", "glance", "look", "memory_room"]

TOP = 10
_NAMES_WITHIN = 0.5  # seconds for the command lines of those


def look(
    pid: int | None = None,
    *,
    at: float = 0.0,
    paths: Iterable[str] = (),
    earlier: Mapping[int, Process] | None = None,
    within: float = 1.0,
) -> MachineLook:
    """Look once, in at most about `within` seconds. `pid` names the process whose control group counts, `paths` what
    the server writes to. With an `earlier` process table the top by CPU is what was used since then, else since each
    process began."""
    group = here.group_memory(pid) if pid is not None else GroupMemory()
    total, available, swap_total, swap_used = here.memory()
    table = processes.table()
    by_memory = sorted(table.values(), key=lambda one: one.rss, reverse=True)[:TOP]
    by_cpu = _top_cpu(table, earlier or {})
    # "python" alone tells nobody whose memory it is.
    named = processes.with_commands([*by_memory, *by_cpu], min(_NAMES_WITHIN, within))
    return MachineLook(
        at=at,
        cpus=os.cpu_count() or 1,
        load=_load(),
        memory_total=total,
        memory_available=available,
        memory_limit=group.limit,
        memory_limit_used=group.used,
        swap_total=swap_total,
        swap_used=swap_used,
        pressure=here.pressure(),
        oom_kills=group.oom_kills if group.oom_kills is not None else here.oom_kills(),
        top_memory=tuple(named.get(one.pid, one) for one in by_memory),
        top_cpu=tuple(named.get(one.pid, one) for one in by_cpu),
        disks=disks(paths, within),
    )


def glance() -> MachineLook:
    """Only what tells whether the machine itself is starved: cheap enough to be asked before every decision."""
    total, available, swap_total, swap_used = here.memory()
    cpus = os.cpu_count() or 1
    return MachineLook(0.0, cpus, _load(), total, available, None, None, swap_total, swap_used, here.pressure())


def memory_room(pid: int | None = None) -> tuple[int, int]:
    """(total, available) bytes: of the tightest limit of a control group at or above `pid`, else of the machine."""
    total, available, _, _ = here.memory()
    group = here.group_memory(pid) if pid is not None else GroupMemory()
    if group.limit is not None and group.used is not None and group.limit < total:
        return group.limit, min(available, max(0, group.limit - group.used))
    return total, available


def _top_cpu(table: Mapping[int, Process], earlier: Mapping[int, Process]) -> tuple[Process, ...]:
    def used(one: Process) -> float:
        before = earlier.get(one.pid)
        return one.cpu_seconds - (before.cpu_seconds if before and before.identity == one.identity else 0.0)

    return tuple(sorted(table.values(), key=used, reverse=True)[:TOP])


def _load() -> tuple[float, float, float] | None:
    try:
        load: tuple[float, float, float] = getattr(os, "getloadavg")()  # noqa: B009  (mypy knows that Windows has none)
        return load
    except (OSError, AttributeError):  # AttributeError: Windows has no load
        return None


def disks(paths: Iterable[str] = (), within: float = 1.0) -> tuple[DiskLook, ...]:
    """Free space and inodes: the local file systems, and whatever holds one of `paths`.

    A file system that does not answer within `within` seconds is left out; the thread that asks it is left behind.
    """
    found: list[DiskLook] = []
    wanted = dict.fromkeys([*(str(path) for path in paths), *here.local_mounts()])

    def ask() -> None:
        seen = set()
        for path in wanted:
            one = here.disk(path)
            if one is not None and one.mount not in seen:
                seen.add(one.mount)
                found.append(one)

    asker = threading.Thread(target=ask, daemon=True, name="wd-disks")
    try:
        asker.start()
    except RuntimeError:
        return ()
    asker.join(within)
    return tuple(found)


def disk_within(path: str, within: float) -> DiskLook | None:
    """The file system under a path; None if there is no such path, or no answer within `within` seconds."""
    found: list[DiskLook | None] = []
    asker = threading.Thread(target=lambda: found.append(here.disk(path)), daemon=True, name="wd-disk")
    try:
        asker.start()
    except RuntimeError:
        return None
    asker.join(within)
    return found[0] if found else None
