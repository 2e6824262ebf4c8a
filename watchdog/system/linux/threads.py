"""What the kernel says of each thread of a process: state, CPU time, blocked system call, since when it sleeps.

Everything is read from /proc/PID/task, files that never wait for the process itself (its memory map is not touched).
"""

from __future__ import annotations

import os
import platform
import struct
import time
from dataclasses import replace
from pathlib import Path

from watchdog.model.evidence import SystemCall, ThreadLook
from watchdog.model.facts import Facts

# Only calls in which a server can be found waiting; the kernel's tables unistd_64.h and unistd.h.
_X86_64 = {
    0: "read", 1: "write", 3: "close", 7: "poll", 17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev", 22: "pipe",
    23: "select", 34: "pause", 35: "nanosleep", 40: "sendfile", 42: "connect", 43: "accept", 44: "sendto",
    45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 61: "wait4", 72: "fcntl", 73: "flock", 74: "fsync", 75: "fdatasync",
    128: "rt_sigtimedwait", 130: "rt_sigsuspend", 202: "futex", 230: "clock_nanosleep", 232: "epoll_wait",
    247: "waitid", 270: "pselect6", 271: "ppoll", 277: "sync_file_range", 281: "epoll_pwait", 288: "accept4",
    295: "preadv", 296: "pwritev", 299: "recvmmsg", 426: "io_uring_enter", 441: "epoll_pwait2", 449: "futex_waitv",
}  # fmt: skip
_AARCH64 = {
    22: "epoll_pwait", 25: "fcntl", 32: "flock", 57: "close", 63: "read", 64: "write", 65: "readv", 66: "writev",
    67: "pread64", 68: "pwrite64", 71: "sendfile", 72: "pselect6", 73: "ppoll", 82: "fsync", 83: "fdatasync",
    95: "waitid", 98: "futex", 101: "nanosleep", 115: "clock_nanosleep", 133: "rt_sigsuspend", 137: "rt_sigtimedwait",
    202: "accept", 203: "connect", 206: "sendto", 207: "recvfrom", 211: "sendmsg", 212: "recvmsg", 242: "accept4",
    260: "wait4", 426: "io_uring_enter", 441: "epoll_pwait2",
}  # fmt: skip
_ON_DESCRIPTOR = frozenset({
    "read", "write", "close", "pread64", "pwrite64", "readv", "writev", "connect", "accept", "sendto", "recvfrom",
    "sendmsg", "recvmsg", "fcntl", "flock", "fsync", "fdatasync", "sync_file_range", "epoll_wait", "epoll_pwait",
    "epoll_pwait2", "accept4", "preadv", "pwritev", "recvmmsg",
})  # fmt: skip

_TICKS = os.sysconf("SC_CLK_TCK")
ACTIVE_IS_TOLD = True  # py-spy asks this system whether a thread runs
_MOST = 2000  # threads of one process; of more, the first and the last ones tell enough


def look(pid: int) -> tuple[ThreadLook, ...]:
    """Every thread of the process, main thread first; empty where there is no such process or no /proc."""
    task = Path(f"/proc/{pid}/task")
    try:
        tids = sorted((int(name) for name in os.listdir(task)), key=lambda tid: (tid != pid, tid))  # noqa: PTH208
    except OSError:
        return ()
    now, up = _scheduler_now(), _uptime()
    chosen = tids if len(tids) <= _MOST else [*tids[: _MOST // 2], *tids[-_MOST // 2 :]]
    found = (_thread(pid, tid, task / str(tid), now, up) for tid in chosen)
    return tuple(thread for thread in found if thread is not None)


def _thread(pid: int, tid: int, folder: Path, now: float | None, up: float | None) -> ThreadLook | None:
    stat = _read(folder / "stat")
    # The name may hold anything, parentheses and newlines too: the last one ends it.
    head, _, tail = stat.rpartition(")")
    fields = tail.split()
    if len(fields) < 20:
        return None
    state = fields[0]
    status = dict(line.partition(":")[::2] for line in _read(folder / "status").splitlines())
    voluntary = _number(status.get("voluntary_ctxt_switches"))
    forced = _number(status.get("nonvoluntary_ctxt_switches"))
    return ThreadLook(
        pid=pid,
        tid=tid,
        name=head.partition("(")[2],
        state=state,
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
        wait_channel=_read(folder / "wchan").strip("0\n ") or None,
        call=_call(_read(folder / "syscall")),
        switches=None if voluntary is None or forced is None else voluntary + forced,
        asleep=_asleep(folder, now) if state in "SDTt" else None,
        age=None if up is None else max(0.0, up - int(fields[19]) / _TICKS),
    )


def is_runnable(pid: int, tid: int) -> bool:
    """Whether the thread is on a CPU or ready for one at this moment."""
    return _read(Path(f"/proc/{pid}/task/{tid}/stat")).rpartition(")")[2].split()[:1] == ["R"]


def _call(text: str) -> SystemCall | None:
    """The kernel writes "running", "-1 SP PC" for a thread blocked outside a call, or "NR six arguments SP PC"."""
    words = text.split()
    if len(words) < 7:
        return None
    number = int(words[0])
    arguments = tuple(int(word, 16) for word in words[1:7])
    table = _AARCH64 if platform.machine() in ("aarch64", "arm64") else _X86_64
    name = table.get(number, f"call {number}")
    return SystemCall(number, name, arguments, arguments[0] if name in _ON_DESCRIPTOR else None)


def _scheduler_now() -> float | None:
    """The scheduler's clock in seconds: our own last accounting on it is this very moment."""
    return _exec_start(Path("/proc/thread-self"))


def _asleep(folder: Path, now: float | None) -> float | None:
    """Seconds since the thread last ran. Needs a kernel that keeps /proc/PID/task/TID/sched."""
    began = _exec_start(folder)
    return None if now is None or began is None else max(0.0, now - began)


def _exec_start(folder: Path) -> float | None:
    for line in _read(folder / "sched").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "se.exec_start":
            try:
                return float(value) / 1000
            except ValueError:
                return None
    return None


def _uptime() -> float | None:
    """Seconds since the machine was started."""
    words = _read(Path("/proc/uptime")).split()
    return float(words[0]) if words else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def facts(pid: int) -> Facts:
    """Read from /proc/PID/status, which never waits for the process."""
    status = dict(line.partition(":")[::2] for line in _read(Path(f"/proc/{pid}/status")).splitlines())
    pending = int(status.get("ShdPnd", "0") or "0", 16) | int(status.get("SigPnd", "0") or "0", 16)
    return Facts(
        peak_rss=_kilobytes(status.get("VmHWM")),
        swap=_kilobytes(status.get("VmSwap")),
        pending=tuple(number + 1 for number in range(64) if pending >> number & 1),
    )


def with_memory(thread: ThreadLook) -> ThreadLook:
    """The same, with what only the arguments in memory tell: the one descriptor that it polls, when its sleep ends.

    Reading memory takes the lock of the target on it: only for a process whose memory was read a moment ago.
    """
    call = thread.call
    if call is None or thread.state != "S":
        return thread
    if call.name in ("poll", "ppoll") and call.arguments[1] == 1:
        raw = _memory(thread.pid, call.arguments[0], 4)
        return replace(thread, call=replace(call, descriptor=struct.unpack("=i", raw)[0])) if raw else thread
    if call.name == "clock_nanosleep":
        clock, flags, address = call.arguments[:3]
        raw = _memory(thread.pid, address, 16)
        if raw:
            seconds, nanoseconds = struct.unpack("=qq", raw)
            begun = time.clock_gettime(clock) if flags & 1 and clock in (0, 1) else thread.asleep or 0.0
            return replace(thread, sleep_left=max(0.0, seconds + nanoseconds / 1e9 - begun))
    return thread


def _memory(pid: int, address: int, size: int) -> bytes:
    try:
        descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        found = os.pread(descriptor, size, address)
    except (OSError, OverflowError):
        return b""
    finally:
        os.close(descriptor)
    return found if len(found) == size else b""


def children(pid: int) -> tuple[int, ...] | None:
    """Its children, ended ones that nobody reaped included, without a look at every process of the machine. None where
    the kernel does not tell (CONFIG_PROC_CHILDREN)."""
    if not Path("/proc/self/task", str(os.getpid()), "children").exists():
        return None
    found: list[int] = []
    try:
        tids = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
    except OSError:
        return ()
    for tid in tids[:_MOST]:
        found += [int(word) for word in _read(Path(f"/proc/{pid}/task/{tid}/children")).split()]
    return tuple(found)


def _kilobytes(text: str | None) -> int | None:
    words = (text or "").split()
    return int(words[0]) * 1024 if words and words[0].isdigit() else None
