"""The only place from which a signal leaves this program, and the only one that knows of a dry run.

A pid is used again; a pidfd never is. So the pidfd comes first, the facts are read second, and that the pidfd still
lives is seen third: then the facts are those of the process that the pidfd holds. In any other order a pid that is used
again in between gets the signal.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal as numbers
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from watchdog.model.errors import Failed, Refused
from watchdog.model.process import Identity, Process
from watchdog.system.process import processes

Sent = Literal["sent", "gone", "changed", "denied", "rehearsed"]

_DELETED = " (deleted)"  # what the kernel adds to the path of a program that was replaced by an upgrade
_rehearsing = False


class Hold:
    """One process that cannot be mistaken for another: its pidfd, and the facts read while that was open."""

    __slots__ = ("_descriptor", "process")

    def __init__(self, process: Process, descriptor: int | None) -> None:
        self.process = process
        self._descriptor = descriptor  # None: this system has none, the start time is compared before each signal

    @property
    def identity(self) -> Identity:
        return self.process.identity

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def descriptor(self) -> int | None:
        """The pidfd, to be handed to another process of ours."""
        return self._descriptor

    @property
    def gone(self) -> bool:
        """Whether it has ended. A zombie has: only its parent can take it away."""
        if self._descriptor is None:
            return not processes.is_alive(self.identity)
        return _finished(self._descriptor)

    def close(self) -> None:
        """Let go. The process is not touched."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def hold(pid: int, expected: Identity | None = None, *, allow_unsafe: bool = False) -> Hold | None:
    """Take hold of a process; None if it is already gone, or is another one than `expected`.

    Refused for a pid that is never signalled (see `why_never`) and, without `allow_unsafe`, on a system without pidfds.
    Failed when this process has no free descriptor: nothing is signalled then.
    """
    if pid <= 0:
        raise Refused(f"{pid} is no process", "0 and negative numbers would mean whole groups of processes")
    descriptor = _open(pid, allow_unsafe)
    if descriptor == -1:
        return None
    try:
        facts = processes.read(pid)
        finished = descriptor is not None and _finished(descriptor)
    except BaseException:
        if descriptor is not None:
            os.close(descriptor)
        raise
    if facts is None or finished or (expected is not None and facts.identity != expected):
        if descriptor is not None:
            os.close(descriptor)
        return None
    held = Hold(facts, descriptor)
    if reason := why_never(facts):
        held.close()
        raise Refused(f"pid {pid} is not signalled", reason)
    return held


def why_never(process: Process) -> str:
    """Why nothing in this program ever signals that process; empty for all others."""
    if process.pid == 1:
        return "it is the first process of this machine or container: all others end with it"
    if process.pid == os.getpid():
        return "it is wd itself"
    return "it is a thread of the kernel" if process.kernel else ""


def send(held: Hold, number: int, *, as_found: Process | None = None) -> Sent:
    """Send a signal to a process that is held: the one way out.

    With `as_found` (a process with its command) it must still run that very program: one that became another program
    since it was found has pid and start time unchanged, and is answered with "changed". "gone" is no error.
    """
    if reason := why_never(held.process):
        raise Refused(f"pid {held.pid} is not signalled", reason)
    if held.gone:
        return "gone"
    if as_found is not None and _program_changed(held, as_found):
        return "gone" if held.gone else "changed"
    if _rehearsing:
        return "rehearsed"
    try:
        if held.descriptor is not None:
            numbers.pidfd_send_signal(held.descriptor, number)
        elif processes.is_alive(held.identity):
            os.kill(held.pid, number)
        else:
            return "gone"
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        return "denied"
    return "sent"


def wait_gone(holds: Iterable[Hold], seconds: float) -> tuple[Hold, ...]:
    """Wait until all have ended or the time is over; those that still live, in the order given."""
    alive = [one for one in holds if not one.gone]
    end = time.monotonic() + seconds
    while alive and (left := end - time.monotonic()) > 0:
        watcher = select.poll()
        without = False
        for one in alive:
            if one.descriptor is None:
                without = True
            else:
                watcher.register(one.descriptor, select.POLLIN)
        watcher.poll(min(left, 0.02 if without else left) * 1000)
        alive = [one for one in alive if not one.gone]
    return tuple(alive)


def kill_descriptor(descriptor: int) -> None:
    """SIGKILL through a pidfd that another process of ours opened and handed over."""
    with contextlib.suppress(OSError):
        numbers.pidfd_send_signal(descriptor, numbers.SIGKILL)


def kill_group(folder: Path) -> bool:
    """End everything in a control group at once, forks in flight included. False where this kernel cannot.

    `folder` is the group's in the file system of cgroup v2. Who calls has seen that only the target lives in it.
    """
    if _rehearsing:
        return False
    try:
        with (folder / "cgroup.kill").open("w") as file:
            file.write("1")
    except OSError:
        return False
    return True


def end_child(child: subprocess.Popen[bytes], *, group: bool = True, within: float = 2.0) -> bool:
    """SIGKILL for a child that this process started, with its whole group if it leads one; False if it stays.

    Safe without a pidfd: until the child is reaped, neither its pid nor its group can belong to another.
    """
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if group and os.getpgid(child.pid) == child.pid:
                os.killpg(child.pid, numbers.SIGKILL)
            else:
                os.kill(child.pid, numbers.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(within)
    return child.returncode is not None


def to_child(pid: int, number: int) -> None:
    """A signal to a child that this process forked and has not reaped: until then its pid cannot be another's."""
    if pid > 0:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@contextlib.contextmanager
def rehearsal(dry_run: bool = True) -> Iterator[None]:
    """While this holds with `dry_run`, `send` finds out all it would and sends nothing."""
    global _rehearsing
    before, _rehearsing = _rehearsing, _rehearsing or dry_run
    try:
        yield
    finally:
        _rehearsing = before


def _open(pid: int, allow_unsafe: bool) -> int | None:
    """The pidfd; -1 if there is no such process; None on a system without pidfds."""
    try:
        return os.pidfd_open(pid)
    except AttributeError:
        problem = "this system, or this build of Python, has no pidfd"
    except OSError as error:
        # EINVAL, ENOENT: the number belongs to a thread, or to a process that is just going.
        if error.errno in (errno.ESRCH, errno.EINVAL, errno.ENOENT):
            return -1
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise Failed(
                f"pid {pid} could not be taken hold of, nothing was signalled",
                f"pidfd_open: {error.strerror}",
                "wd itself is short of something: look at `ulimit -n` and at the free memory",
            ) from None
        problem = f"pidfd_open: {error.strerror}"
    if not allow_unsafe:
        raise Refused(
            f"pid {pid} cannot be held fast on this system",
            f"{problem}: between the look and the signal its number could pass to another process",
            "--allow-unsafe-kill goes by its start time instead",
        )
    return None


def _finished(descriptor: int) -> bool:
    watcher = select.poll()
    watcher.register(descriptor, select.POLLIN)
    return bool(watcher.poll(0))


def _program_changed(held: Hold, as_found: Process) -> bool:
    now = processes.with_commands([held.process], within=1.0).get(held.pid)
    if now is None:
        return False
    # What cannot be read (the process is stuck in the kernel) cannot have been changed by running on, either.
    for before, after in ((as_found.exe, now.exe), (as_found.cmdline, now.cmdline)):
        if before is not None and after is not None and _plain(before) != _plain(after):
            return True
    return False


def _plain(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    return value.removesuffix(_DELETED) if isinstance(value, str) else value
