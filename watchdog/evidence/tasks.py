"""Every pending asyncio task of a process with its await chain, read out of its memory; the target is never stopped."""

from __future__ import annotations

import os

from watchdog.model.evidence import TaskLook
from watchdog.system.child import child_call
from watchdog.system.process import memory

_KEY = os.urandom(16)  # of the digests: they compare within one run of wd, and tell nothing outside of it
_PATIENCE = 2.5  # seconds over the time of the look itself, for the child to begin and to answer


def read_tasks(pid: int, at: float = 0.0, seconds: float = 2.0) -> TaskLook:
    """One look into the interpreter; `error` and `remedy` say what is missing where there can be none.

    The source is the memory of CPython 3.10 to 3.14 on Linux (rights as for a debugger). Besides tasks: the locks of
    threads and tasks, queues, objects by type, and what each thread and task was asked.
    """
    if not memory.READABLE:
        return TaskLook(pid, at, "", error="the memory of another process is read on Linux only")
    found = child_call.call("watchdog.cpython.look:look", (pid, at, seconds, _KEY), seconds + _PATIENCE)
    if isinstance(found, TaskLook):
        return found
    return TaskLook(pid, at, "", error=f"the memory of process {pid} could not be read: {found.reason}", unread=True)
