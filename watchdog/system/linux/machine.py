"""Memory, swap, pressure, disks and a control group's limits, from /proc and the control groups (version 1 and 2).

Nothing here raises: what cannot be read is None or left out.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from watchdog.model.evidence import DiskLook
from watchdog.model.facts import GroupMemory
from watchdog.system.disk.mounts import mount_of

# Asking these for their free space may hang for as long as a server far away is silent.
_FAR = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "gluster", "afs", "autofs", "davfs")
_NO_DISK = ("tmpfs", "devtmpfs", "squashfs", "iso9660", "ramfs")
_NO_LIMIT = 1 << 60  # version 1 of the control groups writes "no limit" as a huge number


def pressure() -> tuple[tuple[str, float], ...]:
    """Pressure stall information in percent: ("memory.full.avg10", 1.5) …; empty where the kernel has none.

    `full` of cpu is always 0 for the whole system: there `some` is the number to look at.
    """
    found = []
    for name in ("cpu", "memory", "io"):
        for line in _text(f"/proc/pressure/{name}").splitlines():
            kind, *numbers = line.split()
            for number in numbers:
                key, _, value = number.partition("=")
                if key.startswith("avg"):
                    found.append((f"{name}.{kind}.{key}", float(value)))
    return tuple(found)


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""


def memory() -> tuple[int, int, int, int]:
    """(total, available, swap total, swap used) in bytes."""
    values = {}
    for line in _text("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        with contextlib.suppress(ValueError, IndexError):
            values[name] = int(rest.split()[0]) * 1024
    free = values.get("MemFree", 0)
    swap_total = values.get("SwapTotal", 0)
    return (
        values.get("MemTotal", 0),
        values.get("MemAvailable", free),
        swap_total,
        swap_total - values.get("SwapFree", 0),
    )


def oom_kills() -> int | None:
    for line in _text("/proc/vmstat").splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return None


def group_memory(pid: int) -> GroupMemory:
    """The tightest limit at or above the process's control group, and the kills of its own group."""
    limit = used = kills = None
    for number, folder in enumerate(memory_groups(pid)):
        here = group_of(folder)
        if number == 0:
            kills = here.oom_kills
        if here.limit is not None and (limit is None or here.limit < limit):
            limit, used = here.limit, here.used
        if used is None:
            used = here.used
    return GroupMemory(limit, used, kills)


def group_of(folder: Path) -> GroupMemory:
    """One folder of the control groups; version 2 has memory.max, version 1 memory.limit_in_bytes."""
    second = (folder / "memory.current").exists()
    limit = _number(folder / ("memory.max" if second else "memory.limit_in_bytes"))
    used = _number(folder / ("memory.current" if second else "memory.usage_in_bytes"))
    if used is not None:
        cache = _entry(folder / "memory.stat", "inactive_file" if second else "total_inactive_file")
        used = max(0, used - (cache or 0))
    kills = _entry(folder / ("memory.events" if second else "memory.oom_control"), "oom_kill")
    return GroupMemory(limit if limit is not None and limit < _NO_LIMIT else None, used, kills)


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _entry(path: Path, name: str) -> int | None:
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return None


def memory_groups(pid: int) -> list[Path]:
    """The folders from the process's own control group up to the mount, nearest first."""
    second: str | None = None
    first: str | None = None
    for line in _text(f"/proc/{pid}/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            second = path
        elif "memory" in controllers.split(","):
            first = path
    mounts = _group_mounts()
    # Where both are mounted, the memory controller belongs to version 1.
    inside = first if first is not None else second
    mount = mounts.get("cgroup" if first is not None else "cgroup2")
    if inside is None or mount is None:
        return []
    root, point = mount
    if root != "/" and inside.startswith(root):
        inside = inside[len(root) :]
    top = Path(point)
    here = top / inside.lstrip("/")
    if ".." in Path(inside).parts or not here.is_dir():
        return [top]  # the path is that of another namespace: what is mounted here is what holds us
    return [here, *(parent for parent in here.parents if parent == top or top in parent.parents)]


def address_limit(pid: int) -> int | None:
    """Bytes of address space or data that the process may have at most (`ulimit -v`); None where that is unlimited."""
    found = re.findall(r"(?m)^Max (?:address space|data size) +(\d+)", _text(f"/proc/{pid}/limits"))
    return min(map(int, found), default=None)


def _group_mounts() -> dict[str, tuple[str, str]]:
    """{"cgroup2" or "cgroup" (the one with the memory controller): (root, mount point)}."""
    found = {}
    for line in _text("/proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2" or (kind[0] == "cgroup" and "memory" in kind[2].split(",")):
            found[kind[0]] = (fields[3], fields[4])
    return found


def disk(path: str) -> DiskLook | None:
    """The file system under a path; None if there is no such path. May hang on a dead network file system."""
    try:
        facts = os.statvfs(path)
    except OSError:
        return None
    inodes = facts.f_favail if facts.f_files else None
    free, total = facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize
    return DiskLook(path, mount_of(path), free, total, inodes, bool(facts.f_flag & os.ST_RDONLY))


def local_mounts() -> list[str]:
    found, devices = [], set()
    for line in _text("/proc/self/mounts").splitlines():
        device, point, kind, *_ = line.split()
        real = device.startswith("/") or kind in ("overlay", "zfs", "btrfs")
        if real and device not in devices and not kind.startswith((*_FAR, *_NO_DISK)):
            devices.add(device)
            found.append(point.replace("\\040", " "))
    return found
