"""Threads that were started before a fork: the child has their objects, and not them. Who waits for one waits for ever.

What such a thread would give is told by its twin in the parent, which waits at the same place of memory, or by the
source: it takes from what the waiter has put something into, or it sets what the waiter waits for. Pure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from watchdog.diagnosis import posts, shape
from watchdog.diagnosis.code import at_place, function, is_application
from watchdog.diagnosis.own_queues import taken_from
from watchdog.diagnosis.view import ThreadView, View
from watchdog.model.evidence import Frame, LockPoint, LostThread

# What works for a pool, by the package whose calls wait for its results.
_POOLS = {
    "multiprocessing/pool.py:*": ("multiprocessing/pool.py:*",),
    "concurrent/futures/:*": ("concurrent/futures/thread.py:_worker", "concurrent/futures/process.py:*"),
}
_RUNS_LOOP = frozenset({"run_forever", "run_until_complete"})
_SCHEDULERS, _GIVES_JOB = ("apscheduler/schedulers/:*",), "add_job"
_TO_LOOP = "run_coroutine_threadsafe"
_SIGNS = frozenset({"queue", "event", "future", "semaphore"})
_POPS, _PUTS = frozenset({"pop", "popleft"}), frozenset({"put", "put_nowait", "append", "appendleft"})
_GIVES = frozenset({"set", "notify", "notify_all", "release", "put", "put_nowait", "set_result"})
_WAITS = frozenset({"wait", "wait_for", "get", "acquire", "result"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def lost(view: View, pid: int) -> tuple[LostThread, ...]:
    """Those that nobody has started again in the process."""
    running = {(one.file, function(one)) for thread in view.threads_of(pid) for one in thread.frames}
    found = (one for look in view.tasks if look.pid == pid for one in look.lost)
    return tuple(
        one
        for one in found
        if (_pool_of(one) or (one.target.file, function(one.target)) not in running)
        and (one.certain or twin(view, pid, one) is not None)
    )


def twin(view: View, pid: int, one: LostThread) -> ThreadView | None:
    """The thread itself, in the process that started it."""
    parents = set(_ancestors(view, pid))
    for look in reversed(view.evidence.stacks):
        for stack in look.threads if look.pid in parents else ():
            if (stack.ident, stack.name) == (one.ident, one.name):
                return view.thread(look.pid, stack.tid)
    return None


def giver(view: View, thread: ThreadView) -> LostThread | None:
    """The lost thread that would give what this one waits for."""
    if thread.wait.kind not in _SIGNS or thread.app_frame is None:
        return None
    for one in lost(view, thread.pid):
        if _same_place(view, thread, one) or _works_for(view, thread, one) or _source_tells(view, thread, one):
            return one
    return None


def _ancestors(view: View, pid: int) -> Iterator[int]:
    seen: set[int] = set()
    while (process := view.processes.get(pid)) is not None and pid not in seen:
        seen.add(pid)
        pid = process.parent
        yield pid


def _same_place(view: View, thread: ThreadView, one: LostThread) -> bool:
    """Whether its twin stands at the same queue, event or condition: a fork copies memory to the same addresses."""
    other = twin(view, thread.pid, one)
    here, there = _point(view, thread), _point(view, other) if other is not None else None
    return here is not None and there is not None and (here.kind, here.lock) == (there.kind, there.lock)


def _point(view: View, thread: ThreadView) -> LockPoint | None:
    points = (point for look in view.evidence.locks for point in look.wanted)
    return next((one for one in points if (one.pid, one.tid) == (thread.pid, thread.tid)), None)


def _pool_of(one: LostThread) -> str:
    """The calls that wait for what its pool does; empty where it belongs to none."""
    return next((calls for calls, places in _POOLS.items() if at_place(one.target, places)), "")


def _works_for(view: View, thread: ThreadView, one: LostThread) -> bool:
    """Whether it did what others give away, in a pool or an event loop, and nobody in the process does so now."""
    if thread.wait.kind != "future":
        return False
    for_loop = any(_TO_LOOP in _calls(body) for _, body in _functions(view, thread))
    others = [it for it in view.threads_of(thread.pid) if it is not thread]
    if calls := _pool_of(one):
        alive = any(_pool_name(it.name) == _pool_name(one.name) for it in others)
        asked = not for_loop and any(at_place(frame, (calls,)) for frame in thread.work)
        return asked and not alive and not _pool_works(view, thread)
    called = {function(one.target)}.union(*(_calls(part) for part in _parts(view, one.target)))
    return for_loop and bool(_RUNS_LOOP & called) and not any(it.shows_loop for it in others)


def _pool_works(view: View, thread: ThreadView) -> bool:
    """Whether a pool of the process does something that is not such a wait."""
    children = (pid for pid in view.processes if view.is_child(pid, thread.pid))
    below = any(posts.is_pool_worker(it.frames) and not it.is_idle for pid in children for it in view.threads_of(pid))
    here = (it for it in view.threads_of(thread.pid) if it is not thread and posts.in_work_item(it.frames))
    return below or any(it.wait.kind != "future" for it in here)


def _pool_name(thread: str) -> str:
    return re.sub(r"_\d+$", "", thread)


def _source_tells(view: View, thread: ThreadView, one: LostThread) -> bool:
    """Whether it takes from what the waiter's functions put into, or gives what the waiter's line waits for."""
    parts = list(_parts(view, one.target))
    takes = {name for part in parts for name in (*taken_from(part), *_owners(part, _POPS))}
    gives = {name for part in parts for name in _owners(part, _GIVES)}
    for frame, body in _functions(view, thread):
        line = (node for it in body for node in ast.walk(it) if getattr(node, "lineno", 0) == frame.line)
        names = takes & set(_owners(body, _PUTS)) | gives & set(_owners(line, _WAITS))
        if names and not _somebody_else(view, thread, names):
            return True
    return False


def _functions(view: View, thread: ThreadView) -> Iterator[tuple[Frame, list[ast.stmt]]]:
    """The application's functions that the thread is in, each with its body."""
    for frame in filter(is_application, thread.work):
        source = view.file(frame.file)
        here = shape.function_at(source, frame.line) if source else None
        if isinstance(here, _FUNCTIONS):
            yield frame, here.body


def _somebody_else(view: View, thread: ThreadView, names: set[str]) -> bool:
    """Whether another thread of the process, one that serves no request, takes from these or gives them."""
    for other in view.threads_of(thread.pid):
        for _, body in () if other is thread or other.serves_request else _functions(view, other):
            if names & {*taken_from(body), *_owners(body, _POPS | _GIVES)}:
                return True
    return False


def _parts(view: View, target: Frame) -> Iterator[list[ast.stmt]]:
    """The bodies of the function and of those of its file that it calls; of a scheduler, of the jobs that it has."""
    schedules = at_place(target, _SCHEDULERS)
    files = [one for one in view.evidence.sources if schedules or one.path == target.file]
    modules = (shape.tree(one) for one in files if not one.changed_since_start)
    nodes = [node for module in modules if module is not None for node in ast.walk(module)]
    named: dict[str, list[ast.stmt]] = {}
    for node in nodes:
        if isinstance(node, _FUNCTIONS):
            named.setdefault(node.name, []).extend(node.body)
    given = (it.args[0] for it in nodes if isinstance(it, ast.Call) and it.args and shape.called_name(it) == _GIVES_JOB)
    waiting, seen = set(map(shape.simple_name, given)) if schedules else {function(target)}, set[str]()
    while waiting:
        name = waiting.pop()
        if name in named and name not in seen:
            seen.add(name)
            waiting |= set(_calls(named[name]))
            yield named[name]


def _calls(body: Iterable[ast.AST]) -> Iterator[str]:
    return (shape.called_name(node) for one in body for node in ast.walk(one) if isinstance(node, ast.Call))


def _owners(body: Iterable[ast.AST], methods: frozenset[str]) -> Iterator[str]:
    """The last names of what these methods are called on: `self.jobs.put(…)` is `jobs`."""
    calls = (node.func for one in body for node in ast.walk(one) if isinstance(node, ast.Call))
    names = (shape.last_name(it.value) for it in calls if isinstance(it, ast.Attribute) and it.attr in methods)
    return (name for name in names if name)
