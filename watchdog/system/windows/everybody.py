"""Every process and every thread, as Windows tells them in one call."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from ctypes import wintypes
from typing import NamedTuple

_PROCESSES = 5  # SystemProcessInformation
_TOO_SMALL = 0xC0000004
_FIRST, _TRIES = 1 << 19, 8  # bytes of the buffer; the table may grow between two calls
# next, threads, working set and what else stands before the times; created, user, kernel; the name's length and place
_HEAD = struct.Struct("<II24x3qH6xQ")
_REST = struct.Struct("<i4xQQI")  # priority, pid, parent, handles; behind the name
_REST_AT, _PEAK_AT, _SIZE = 72, 136, 256
_MEMORY = struct.Struct("<QQ")  # the largest working set, and the one of now
_THREAD = struct.Struct("<3qI4x3QiiIII")  # kernel, user, created, …, pid, tid, …, switches, state, reason
_TICK = 1e-7  # seconds
_RUNS, _WAITS, _SUSPENDED = (1, 2, 3, 7), 5, (5, 12)  # states of a thread; reasons why one waits
_REASONS = ("Executive", "FreePage", "PageIn", "PoolAllocation", "DelayExecution", "Suspended", "UserRequest")
_1601 = 11_644_473_600.0  # seconds from the first moment of Windows' clock to 1970

_query = ctypes.WinDLL("ntdll").NtQuerySystemInformation
_query.restype = wintypes.ULONG
_query.argtypes = (ctypes.c_int, ctypes.c_void_p, wintypes.ULONG, ctypes.POINTER(wintypes.ULONG))


class Thread(NamedTuple):
    """One thread at one moment."""

    tid: int
    created: int
    cpu_seconds: float
    state: str  # "R", "S", "T" as elsewhere; "?" where Windows does not tell
    reason: str  # why it waits
    switches: int


class Told(NamedTuple):
    """One process at one moment. Moments are in tenths of a microsecond since 1601."""

    pid: int
    parent: int
    name: str
    created: int
    cpu_seconds: float
    handles: int
    rss: int
    peak_rss: int
    threads: tuple[Thread, ...]

    @property
    def state(self) -> str:
        """Stopped is who has nothing but suspended threads."""
        states = {one.state for one in self.threads}
        return "T" if states == {"T"} else "R" if "R" in states else "S"


def seconds(moment: int) -> float:
    """Seconds since 1970."""
    return moment * _TICK - _1601 if moment else 0.0


def look() -> dict[int, Told]:
    """All of them by pid. A parent that is younger than its child is another process with the pid of the real one."""
    found = {one.pid: one for one in _rows(*_read())}
    for one in tuple(found.values()):
        parent = found.get(one.parent)
        if parent is not None and parent.created > one.created:
            found[one.pid] = one._replace(parent=0)
    return found


def _read() -> tuple[bytes, int]:
    """The table, and where it lay: the names in it are told by address."""
    size = _FIRST
    for _ in range(_TRIES):
        buffer, needed = ctypes.create_string_buffer(size), wintypes.ULONG()
        status = _query(_PROCESSES, buffer, size, ctypes.byref(needed))
        if status == 0:
            return buffer.raw, ctypes.addressof(buffer)
        if status != _TOO_SMALL:
            break
        size = max(2 * size, needed.value + _FIRST)
    raise OSError(f"Windows does not tell its processes: status {status:#x}")


def _rows(data: bytes, address: int) -> Iterator[Told]:
    at = 0
    while True:
        following, count, created, user, kernel, length, place = _HEAD.unpack_from(data, at)
        _, pid, parent, handles = _REST.unpack_from(data, at + _REST_AT)
        peak, rss = _MEMORY.unpack_from(data, at + _PEAK_AT)
        name = data[place - address : place - address + length].decode("utf-16-le", "replace") if place else ""
        threads = tuple(_thread(data, at + _SIZE + index * _THREAD.size) for index in range(count))
        used = max((user + kernel) * _TICK, sum(one.cpu_seconds for one in threads))
        yield Told(pid, parent, name or "System Idle Process", created, used, handles, rss, peak, threads)
        if not following:
            return
        at += following


def _thread(data: bytes, at: int) -> Thread:
    kernel, user, created, _, _, _, tid, _, _, switches, state, why = _THREAD.unpack_from(data, at)
    reason = _REASONS[why] if why < len(_REASONS) else str(why)
    letter = (
        "R" if state in _RUNS else "T" if state == _WAITS and why in _SUSPENDED else "S" if state == _WAITS else "?"
    )
    return Thread(tid, created, (kernel + user) * _TICK, letter, reason if state == _WAITS else "", switches)
