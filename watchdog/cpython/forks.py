"""Where a forked process began: outside of that call stand the calls of its parent, which it never returns to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from watchdog.cpython.callstacks import LiveThread
from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.system.process import processes

_FORKS = frozenset({"fork", "forkpty"})
_LOOPS = ("/asyncio/", "/uvloop/", "/trio/", "/gevent/", "/eventlet/")
_DEEPEST = 16  # generations


def generations(pid: int) -> int:
    """How many forks lie between the process and the last program start among its ancestors."""
    count, process = 0, processes.read(pid)
    while process is not None and process.forked and count < _DEEPEST:
        count += 1
        process = processes.read(process.parent)
    return count


def birth(frames: Frames, calls: Sequence[LiveFrame], generation: int) -> LiveFrame | None:
    """The call that forked the process; None if it is not on the stack any more.

    Each generation leaves one call that forks. What stands further inside forks children, and returns from that.
    """
    forking = [frame for frame in reversed(calls) if not _FORKS.isdisjoint(frames.called_names(frame.code))]
    return forking[min(generation, len(forking)) - 1] if generation and forking else None


def since(calls: tuple[LiveFrame, ...], born: LiveFrame | None) -> tuple[LiveFrame, ...]:
    """The calls, innermost first, that the process made itself."""
    return calls[: calls.index(born) + 1] if born in calls else calls


def own_calls(threads: Sequence[LiveThread], born: LiveFrame | None) -> list[LiveThread]:
    return [replace(one, frames=since(one.frames, born)) for one in threads]


def runs_a_loop(threads: Sequence[LiveThread]) -> bool:
    """Whether an event loop is among the calls. If not, tasks and greenlets in the memory of a forked process are
    copies of its parent's that never go on."""
    return any(name in frame.code.file for one in threads for frame in one.frames for name in _LOOPS)
