"""Loops that ask again and again for something outside of the process, and sleep between two attempts. Pure.

The kernel shows only a sleep. The library that the loop stands in says what it asks for, or the application's source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Literal

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import at_place, is_application, package
from watchdog.diagnosis.indexed import Indexed
from watchdog.model.evidence import Frame, SourceFile
from watchdog.model.records import record

Of = Literal["peer", "lock", "lock file", "file", "result"]

# Calls in which somebody waits for what a worker of a queue makes of a task.
_RESULTS = (
    "celery/result.py:get", "celery/result.py:join", "celery/result.py:join_native", "celery/result.py:iterate",
    "huey/result.py:get", "huey/result.py:get_raw_result", "huey/api.py:get_raw_result",
    "dramatiq/message.py:get_result", "dramatiq/composition.py:get_result", "dramatiq/composition.py:get_results",
    "dramatiq/composition.py:wait", "dramatiq/results/:get_result",
    "rq/job.py:latest_result", "rq/results.py:fetch_latest", "taskiq/task.py:wait_result", "arq/jobs.py:result",
)  # fmt: skip
_RESULT = "the result of a task"
_ASK_WORKERS = (
    "whether a worker takes the task cannot be seen from here; look at the workers and their queue (wd ps; "
    "celery inspect active)"
)
_SENDS = frozenset({"delay", "apply_async", "send", "send_with_options", "enqueue", "kiq"})
# Loops of libraries: where they stand, what they poll, what ends the wait, whether it is asked over the network.
_LOOPS = (
    (("redis/lock.py:acquire", "redis/asyncio/lock.py:acquire", "redis_lock/__init__.py:acquire"),
     "a lock that is kept in redis", "find who holds it (redis-cli GET and TTL of its name); it ends with its time to "
     "live, or when it is deleted", True),
    (("filelock/:acquire", "filelock/_api.py:acquire", "portalocker/utils.py:acquire", "zc/lockfile/:*",
      "fasteners/process_lock.py:acquire", "lockfile/:acquire"),
     "a lock file", "find who holds the lock file (fuser FILE, lslocks); a lock file that a dead process has left is "
     "removed by hand", False),
    (("kazoo/recipe/lock.py:*", "consul/base.py:*", "etcd3/locks.py:acquire"),
     "a lock of a coordination service", "find who holds it there; it ends with its session or lease", True),
    (("tenacity/nap.py:sleep", "backoff/_sync.py:*", "retrying.py:call",
      "redis/retry.py:call_with_retry", "urllib3/util/retry.py:sleep", "kombu/utils/functional.py:retry_over_time"),
     "an attempt that fails again and again", "the attempts go on until the peer answers: look at what it asks for",
     True),
    (("selenium/webdriver/support/wait.py:until", "pymongo/topology.py:_select_servers_loop"),
     "a peer to become ready", "look at the peer", True),
)  # fmt: skip
# They enclose every attempt, also the first: only while they sleep themselves has one failed.
_TRIES = (
    "redis/retry.py:call_with_retry", "backoff/_sync.py:*", "retrying.py:call",
    "kombu/utils/functional.py:retry_over_time",
)  # fmt: skip
_LOCKS = frozenset({"flock", "lockf"})
_LINKS = frozenset({"link", "symlink"})
_MAKES = frozenset({"mkdir", *_LINKS})
_ASKS = frozenset({"exists", "lexists", "is_file", "isfile"})
_PAUSES = frozenset({"sleep", "wait"})
_DEEP = 2  # calls that are followed from the loop, in the application's own files
_LONGEST = 60  # characters of an expression
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@record(frozen=True)
class Loop:
    """What a loop among the calls asks for again and again."""

    frame: Frame
    what: str
    remedy: str
    of: Of
    who: str  # polls: the library, or the application's own loop


def polled(view: Indexed, frames: Iterable[Frame]) -> Loop | None:
    """What the innermost such loop among these calls, innermost first, asks for."""
    for place, frame in enumerate(frames):
        if place and at_place(frame, _TRIES):
            continue
        for places, what, remedy, over_network in _LOOPS:
            if at_place(frame, places):
                return Loop(frame, what, remedy, "peer" if over_network else "lock file", package(frame))
        if at_place(frame, _RESULTS):
            return Loop(frame, _RESULT, _ASK_WORKERS, "result", package(frame))
        found = _own(view, frame) if is_application(frame) else None
        if found is not None:
            return found
    return None


def awaits_result(frames: Iterable[Frame]) -> bool:
    """Whether these calls wait for what a worker of a queue makes of a task."""
    return any(at_place(frame, _RESULTS) for frame in frames)


def sent(view: Indexed, frame: Frame) -> str:
    """The tasks that the function of this line gives to a queue, as far as the source names them."""
    source = view.file(frame.file)
    here = shape.function_at(source, frame.line) if source is not None and not source.changed_since_start else None
    calls = [node for node in ast.walk(here) if isinstance(node, ast.Call)] if isinstance(here, _FUNCTIONS) else []
    given = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in _SENDS]
    names = dict.fromkeys(shape.last_name(call.func.value) for call in given if isinstance(call.func, ast.Attribute))
    queues = [word.value for call in given for word in call.keywords if word.arg in ("queue", "queue_name")]
    known = dict.fromkeys(repr(one.value) for one in queues if isinstance(one, ast.Constant))
    text = ", ".join(name for name in names if name)
    return f"{text} in the queue {', '.join(known)}" if text and known else text


def _own(view: Indexed, frame: Frame) -> Loop | None:
    """A loop of the application's own around this line, which tries, and sleeps."""
    source = view.file(frame.file)
    loop = shape.innermost_loop(source, frame.line) if source is not None and not source.changed_since_start else None
    if source is None or loop is None:
        return None
    parts = [*loop.body, *([loop.test] if isinstance(loop, ast.While) else [])]
    calls = [call for part in parts for call in _calls(view, source, part, _DEEP)]
    if not any(shape.called_name(call) in _PAUSES for call in calls):
        return None
    tried = [attempt for call in calls if (attempt := _attempt(call)) is not None]
    if not tried:
        return None
    of, what = min(tried, key=lambda one: one[0] == "file")
    return Loop(frame, what, _REMEDIES[of], of, "its own loop")


_REMEDIES: dict[Of, str] = {
    "result": _ASK_WORKERS,
    "lock": "find who holds the lock (lslocks), and end that",
    "lock file": "find who made it; a lock file that a dead process has left is removed by hand",
    "file": "find who should make or remove that file",
}


def _calls(view: Indexed, source: SourceFile, node: ast.AST, depth: int) -> Iterator[ast.Call]:
    """Calls in this piece of source, and in the application's functions that it calls."""
    for one in shape.done_here(node):
        if isinstance(one, ast.Call):
            yield one
            body = shape.function_named(source, shape.called_name(one)) if depth else None
            for statement in body.body if body is not None else ():
                yield from _calls(view, source, statement, depth - 1)


def _attempt(call: ast.Call) -> tuple[Of, str] | None:
    """What the call tries to get, if it comes back at once when it is not free."""
    name, words = shape.called_name(call), {shape.simple_name(node) for node in ast.walk(call)}
    what = call.args[1:2] if name in _LINKS else call.args[:1]
    first = ast.unparse(what[0])[:_LONGEST] if what else ""
    if name in _LOCKS and "LOCK_NB" in words:
        return "lock", f"a lock on the file {first}"
    if name == "open" and ("O_EXCL" in words or _mode(call).startswith("x")):
        return "lock file", f"the lock file {first}"
    if name in _MAKES or (name == "touch" and _says(call, "exist_ok", False)):
        return None if _says(call, "exist_ok", True) else ("lock file", f"the lock file {first or _owner(call)}")
    if name in _ASKS:
        return "file", f"the file {first or _owner(call)}"
    return None


def _mode(call: ast.Call) -> str:
    given = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    return next((str(one.value) for one in given if isinstance(one, ast.Constant)), "")


def _says(call: ast.Call, name: str, value: bool) -> bool:
    return any(
        word.arg == name and isinstance(word.value, ast.Constant) and word.value.value is value
        for word in call.keywords
    )


def _owner(call: ast.Call) -> str:
    return ast.unparse(call.func.value)[:_LONGEST] if isinstance(call.func, ast.Attribute) else ""
