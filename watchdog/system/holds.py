"""A process that is held cannot be mistaken for another: the grip is taken first, the facts are read second.

That it still lives is seen third: then the facts are those of the process behind the grip. In any other order a pid
that is used again in between gets the signal.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from watchdog.model.errors import Refused
from watchdog.model.process import Identity, Process
from watchdog.system import signals
from watchdog.system.process import processes
from watchdog.system.signals import Sent

_DELETED = " (deleted)"  # what the kernel adds to the path of a program that was replaced by an upgrade
_PAUSE = 0.02  # seconds between two looks at a process without a grip


class Hold:
    """One process: its grip, and the facts read while that was open."""

    __slots__ = ("_grip", "process")

    def __init__(self, process: Process, grip: int | None) -> None:
        self.process = process
        self._grip = grip  # None: this system has none, the start time is compared before each signal

    @property
    def identity(self) -> Identity:
        return self.process.identity

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def grip(self) -> int | None:
        """To be handed to another process of ours."""
        return self._grip

    @property
    def gone(self) -> bool:
        """Whether it has ended. A zombie has: only its parent can take it away."""
        if self._grip is None:
            return not processes.is_alive(self.identity)
        return signals.finished(self._grip)

    def close(self) -> None:
        """Let go. The process is not touched."""
        grip, self._grip = self._grip, None
        if grip is not None:
            signals.release(grip)


def hold(pid: int, expected: Identity | None = None, *, allow_unsafe: bool = False) -> Hold | None:
    """Take hold of a process; None if it is already gone, or is another one than `expected`.

    Refused for a pid that is never signalled (see `why_never`) and, without `allow_unsafe`, on a system without grips.
    Failed when this process has no free descriptor: nothing is signalled then.
    """
    if pid <= 0:
        raise Refused(f"{pid} is not a process", signals.why_never(pid))
    grip = signals.take(pid, allow_unsafe=allow_unsafe)
    if grip == signals.GONE:
        return None
    held: Hold | None = None
    try:
        facts = processes.read(pid)
        finished = grip is not None and signals.finished(grip)
        if facts is None or finished or (expected is not None and facts.identity != expected):
            return None
        if reason := why_never(facts):
            raise Refused(f"pid {pid} is not signalled", reason)
        held = Hold(facts, grip)
    finally:
        if held is None and grip is not None:
            signals.release(grip)
    return held


def why_never(process: Process) -> str:
    """Why nothing in this program ever signals that process; empty for all others."""
    return signals.why_never(process.pid) or ("it is a thread of the kernel" if process.kernel else "")


def send(held: Hold, number: int, *, as_found: Process | None = None) -> Sent:
    """Send a signal to a process that is held.

    With `as_found` (a process with its command) it must still run that very program: one that became another program
    since it was found has pid and start time unchanged, and is answered with "changed". "gone" is not an error.
    """
    if reason := why_never(held.process):
        raise Refused(f"pid {held.pid} is not signalled", reason)
    if held.gone:
        return "gone"
    if as_found is not None and _program_changed(held, as_found):
        return "gone" if held.gone else "changed"
    return signals.deliver(held.grip, held.pid, number, lambda: processes.is_alive(held.identity))


def wait_gone(holds: Iterable[Hold], seconds: float) -> tuple[Hold, ...]:
    """Wait until all have ended or the time is over; those that still live, in the order given."""
    alive = [one for one in holds if not one.gone]
    end = time.monotonic() + seconds
    while alive and (left := end - time.monotonic()) > 0:
        grips = [one.grip for one in alive if one.grip is not None]
        signals.wait_any(grips, left if len(grips) == len(alive) else min(left, _PAUSE))
        alive = [one for one in alive if not one.gone]
    return tuple(alive)


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
