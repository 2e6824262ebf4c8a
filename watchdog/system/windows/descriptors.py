"""Open files of a process of Windows. They are asked for in a child, for the answer may never come.

Windows may keep whoever asks for the name of a pipe. psutil then ends the thread that asks, and what that thread had
locked stays locked: a later call waits for it for ever. So that can happen to a child, which ends at its deadline.
"""

from __future__ import annotations

from collections.abc import Iterable

from watchdog.model.open_files import Descriptor
from watchdog.system.child import child_call
from watchdog.system.portable.descriptors import count, holders, holds_socket, limit

__all__ = ["count", "holders", "holds_socket", "limit", "of", "of_all"]

_WITHIN = 5.0  # seconds


def of(pid: int, kind: str = "") -> tuple[Descriptor, ...]:
    """Each open regular file; empty without the right to look, or without an answer in time."""
    return of_all([pid]) if kind in ("", "file") else ()


def of_all(pids: Iterable[int]) -> tuple[Descriptor, ...]:
    """The same of several processes, by one child: its start takes longer than what it does."""
    found: tuple[Descriptor, ...] | child_call.NotDone
    found = child_call.call("watchdog.system.portable.descriptors:of_all", (tuple(pids),), _WITHIN)
    return () if isinstance(found, child_call.NotDone) else found
