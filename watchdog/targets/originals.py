"""What processes were started with, also those that have overwritten their command line with a title.

gunicorn, Celery, RQ, uWSGI and PostgreSQL show what they do instead of what they are. The interpreter keeps the words
of its start in its own memory; nobody overwrites them there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import replace

from watchdog.model.process import Identity, Process
from watchdog.system.process import processes
from watchdog.targets import programs

_SECONDS = 2.0  # for reading the memory of all of them, in a child that can be ended
_FRESH = 30.0  # seconds for which an answer holds: a process may run another program since
_KEPT = 10_000

_known: dict[Identity, tuple[float, tuple[str, ...]]] = {}
_lock = threading.Lock()


def with_commands(found: Iterable[Process], within: float = 2.0) -> dict[int, Process]:
    """The same processes by pid, with exe, cwd, the command line as shown, and the original one where they differ.

    Only a Python interpreter keeps it: nginx or PM2 with a title costs no child.
    """
    read = processes.with_commands(found, within)
    titled = [one for one in read.values() if programs.is_python(one) and programs.has_title(one)]
    if titled:
        originals = _originals(titled)
        for one in titled:
            words = originals.get(one.identity)
            if words != one.cmdline:
                read[one.pid] = replace(one, original=words)
    return read


def _originals(titled: list[Process]) -> dict[Identity, tuple[str, ...]]:
    """From their memory, or as it was read a moment ago. Missing where there is nothing to read."""
    now = time.monotonic()
    with _lock:
        fresh = {one: words for one, (when, words) in _known.items() if now - when < _FRESH}
    new = [one for one in titled if one.identity not in fresh]
    from watchdog.system.child import child_call  # here: few processes have a title
    from watchdog.system.process import memory

    if new and memory.READABLE:
        answer = child_call.call("watchdog.cpython.command_line:read_all", (tuple(one.pid for one in new),), _SECONDS)
        if isinstance(answer, dict):
            same = [one for one in new if processes.is_alive(one.identity)]
            fresh |= {one.identity: answer.get(one.pid, ()) for one in same}
            with _lock:
                if len(_known) > _KEPT:
                    _known.clear()
                _known.update({one.identity: (now, fresh[one.identity]) for one in same})
    return {one: words for one, words in fresh.items() if words}
