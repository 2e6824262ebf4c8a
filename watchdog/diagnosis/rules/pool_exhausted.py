"""No free thread, worker, slot or pooled connection: all are taken, and those who have them do not give them back."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from watchdog.diagnosis import askers, holdings, jobs, own_pools, posts, shape, suspects
from watchdog.diagnosis.code import at_place, package
from watchdog.diagnosis.polling import awaits_result, polled
from watchdog.diagnosis.rules.child_wait import waits_for_child
from watchdog.diagnosis.rules.external_wait import KINDS as OUTSIDE
from watchdog.diagnosis.tasks import TaskWait, goes_round, suspended
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Frame
from watchdog.model.finding import Culprit, Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Bound how long one piece of work may keep its place (a time-out at what it waits for), give a place back on "
    "every path (`with`), never wait in a pool's worker for work that needs the same pool, and bound the wait for a "
    "free place."
)
EXECUTOR = "a ThreadPoolExecutor"
WORKERS = "gunicorn's workers"  # processes, each of one thread
# Threads that belong to a pool of a fixed size, and how it is called.
_POOLS = (
    (("anyio/_backends/_asyncio.py:run",), "the framework's thread pool"),
    (("waitress/task.py:*",), "waitress' threads"),
    (("cheroot/workers/threadpool.py:*",), "the server's threads"),
    (("gunicorn/workers/gthread.py:*",), "gunicorn's threads"),
    (("multiprocessing/pool.py:worker",), "a multiprocessing pool"),
    (("gunicorn/workers/sync.py:*",), WORKERS),
    (("asgiref/sync.py:*",), "the framework's threads"),
    (("concurrent/futures/thread.py:_worker",), EXECUTOR),
)
# Calls in which a thread waits for a free connection of a pool.
_ACQUIRES = (
    "sqlalchemy/pool/:*",
    "sqlalchemy/util/queue.py:get",
    "urllib3/connectionpool.py:_get_conn",
    "psycopg_pool/:*",
    "psycopg2/pool.py:*",
    "redis/connection.py:get_connection",
    "pymongo/pool.py:*",
    "dbutils/:*",
    "httpcore/_sync/connection_pool.py:*",
    "mysql/connector/pooling.py:*",
    "peewee.py:*",
)
# What gives a place back, in the functions that take one.
_GIVES_BACK = frozenset({"release", "close", "put", "put_nowait", "putconn", "read", "json", "text", "aclose",
                         "iter_content", "dispose", "disconnect", "return_connection", "free"})  # fmt: skip
# What all of them wait for is the root, where it is one lock or one peer: these have rules of their own.
_OTHERS = (*OUTSIDE, "file-lock", "lock", "import", "database", "running")
_PIPES = ("pipe-read", "pipe-write")
_MANY = 2  # threads
_DEFAULT_MOST, _DEFAULT_MORE = 32, 4  # threads of an executor whose size nobody gave: CPUs and four, at most 32
_NUMBER = re.compile(r"[-_]\d+$")  # of a thread in its pool
_POOL_NAME = re.compile(r"pool|conn|slot|sema|free|avail|worker|limit", re.IGNORECASE)


def rule(view: View) -> Iterator[Finding]:
    if not view.troubled:
        return
    found = [*_of_results(view), *_of_connections(view), *_of_tasks(view), *_of_threads(view), *_of_one(view)]
    if found:
        yield min(found, key=lambda one: bool(one.waits_for))


def _of_threads(view: View) -> Iterator[Finding]:
    """A pool whose every thread has work that does not end."""
    pools: defaultdict[tuple[int, str, str], list[ThreadView]] = defaultdict(list)
    for thread in view.python_threads:
        for places, name in _POOLS:
            if any(at_place(frame, places) for frame in thread.frames):
                # Processes of one server are one pool, threads are one in each process.
                pools[0 if name == WORKERS else thread.pid, name, _NUMBER.sub("", thread.name)].append(thread)
                break
    for (pid, name, _), threads in pools.items():
        busy = [one for one in threads if _is_taken(one) and one.stuck >= 0.5]
        if len(busy) == len(threads) and not _may_grow(view, name, threads) and _is_short(view, pid, len(threads)):
            yield _pool(view, name, busy)


def _is_taken(thread: ThreadView) -> bool:
    """Whether it has a piece of work. An executor's thread that only waits in a queue has one if that was its work."""
    return _place(thread) is not None and (not thread.is_idle or bool(posts.given(thread.stable)))


def _place(thread: ThreadView) -> Frame | None:
    return thread.place or next(iter(posts.given(thread.stable)[::-1]), None)


def _is_short(view: View, pid: int, count: int) -> bool:
    """Whether more work is there than threads. Where our questions are answered, only the work that waits tells: a
    pool may be as large as what it does."""
    return (view.in_trouble and count >= _MANY) or _queued(view, pid) > count


def _may_grow(view: View, name: str, threads: Sequence[ThreadView]) -> bool:
    """Whether more threads would begin if there were more work: an executor starts them one by one."""
    machine = view.evidence.machine
    if machine is not None and all(one.name.startswith("asyncio_") for one in threads):
        return len(threads) < min(_DEFAULT_MOST, machine.cpus + _DEFAULT_MORE)
    if name != EXECUTOR:
        return False
    sizes = [one.size for one in suspects.calls(view, lambda call, _: call == "ThreadPoolExecutor")]
    return bool(sizes) and all(size is not None and len(threads) < size for size in sizes)


def _queued(view: View, pid: int) -> int:
    """Tasks and threads that wait for work which they gave to threads."""
    tasks = sum(one.kind == "threads" and one.task.pid == pid for one in suspended(view))
    return tasks + sum(one.wait.kind == "future" and one.serves_request for one in view.threads_of(pid))


def _of_one(view: View) -> Iterator[Finding]:
    """A server of one thread: what it does not come back from keeps everybody else out."""
    for thread in view.stuck_threads:
        alone = view.is_server(thread.pid) and not view.accepts(thread.pid)
        single = (
            thread.is_main and (thread.serves_request or alone) and not (thread.is_event_loop or thread.ends_in_time)
        )
        if (
            single
            and thread.app_frame is not None
            and thread.wait.kind in ("sleep", "event", "queue", "future", "join", "unknown")
        ):
            yield Finding(
                cause="pool-exhausted",
                certainty="likely",
                lasted=thread.stuck + thread.sleep_left,
                waits_for="peer" if polled(view, thread.work) else "",
                summary=f"the one thread that serves requests waits {format_duration(thread.stuck)} for "
                f"{jobs.awaited(thread)} in {short(thread.app_frame)}",
                culprit=view.culprit(thread.app_frame, thread),
                evidence=(thread.reference,),
                prevent=PREVENT,
            )


def _pool(view: View, name: str, busy: Sequence[ThreadView]) -> Finding:
    places = [place for one in busy if (place := _place(one)) is not None]
    frame = Counter(places).most_common(1)[0][0]
    thread = max((one for one in busy if _place(one) == frame), key=lambda one: one.stuck)
    waits = Counter(one.wait.kind for one in busy)
    kind, count = waits.most_common(1)[0]
    culprit, where = askers.culprit(view, thread, frame)
    return Finding(
        cause="pool-exhausted",
        certainty="likely",
        lasted=thread.stuck,
        waits_for=_root(view, thread, kind),
        summary=_taken(busy, name, count) + f" for {jobs.awaited(thread)} in {where}; "
        f"the longest waits for {format_duration(thread.stuck)}",
        culprit=culprit,
        peer=None if awaits_result(thread.work) else thread.wait.peer,
        evidence=(thread.reference, f"threads.json#pid={thread.pid}"),
        prevent=PREVENT,
    )


def _root(view: View, thread: ThreadView, kind: str) -> str:
    """What the work in the pool waits for, where that may have its own cause."""
    if polled(view, thread.work):
        return "peer"
    if waits_for_child(view, thread):
        return "children"
    return "pipes" if kind in _PIPES else kind if kind in _OTHERS else ""


def _taken(busy: Sequence[ThreadView], name: str, count: int) -> str:
    if len(busy) == 1:
        return f"the only thread of {name} is taken, and work queues for it: it waits"
    return f"all {len(busy)} of {name} are taken; {count} of them wait"


def _of_results(view: View) -> Iterator[Finding]:
    """Each worker of a queue has a job that waits for the result of another task: nobody is left to do that one."""
    waiting = [one for one in jobs.stuck_threads(view) if jobs.all_await_results(view, one)]
    if not waiting:
        return
    thread, engine = waiting[0], jobs.engine(view, waiting[0].pid)
    assert thread.app_frame is not None
    only = "the only worker" if len(waiting) == 1 else f"all {len(waiting)} workers"
    own = engine in jobs.ONE_QUEUE
    yield Finding(
        cause="pool-exhausted",
        certainty="likely" if own else "guess",
        warns=not own,
        lasted=thread.stuck,
        summary=f"{only} of {engine} {'waits' if len(waiting) == 1 else 'wait'} for the result of a task in "
        f"{short(thread.app_frame)}, at least for {format_duration(thread.stuck)}; no worker is seen that could do it",
        culprit=view.culprit(thread.app_frame, thread),
        instead="restart" if own else "call-a-person",
        evidence=tuple(one.reference for one in waiting[:3]),
        prevent=PREVENT,
        details=() if own else ("workers of that queue that run elsewhere are not seen from here",),
    )


def _of_connections(view: View) -> Iterator[Finding]:
    """Requests wait for a free connection or place of a pool."""
    waiting = [one for one in view.stuck_threads if acquires(view, one) and not waits_for_lost_notice(view, one)]
    if not waiting:
        return
    thread = waiting[0]
    assert thread.app_frame is not None
    what = next((package(frame) for frame in thread.work if at_place(frame, _ACQUIRES)), "") or "the application's pool"
    yield Finding(
        cause="pool-exhausted",
        certainty="likely",
        lasted=thread.stuck,
        summary=f"{_many(len(waiting), 'thread')} for a free place of {what}"
        f" in {short(thread.app_frame)}, the longest for "
        f"{format_duration(thread.stuck)}; {_kept_words(view, thread.app_frame)}",
        culprit=_who_keeps(view, thread.app_frame) or view.culprit(thread.app_frame, thread),
        evidence=tuple(one.reference for one in waiting[:3]),
        prevent=PREVENT,
        details=_unread(view, thread.pid),
    )


def acquires(view: View, thread: ThreadView) -> bool:
    """Whether it waits for a place of a pool: a known one, or a semaphore or queue that is called like one."""
    if any(at_place(frame, _ACQUIRES) for frame in thread.work):
        return thread.wait.kind not in OUTSIDE
    if thread.app_frame is None or not thread.serves_request:
        return False
    if thread.wait.kind == "semaphore":
        return True
    if thread.wait.kind == "event":
        return own_pools.is_pool(view, thread.app_frame)
    return thread.wait.kind == "queue" and _is_get(thread.frames) and _of_pool(view, thread.app_frame)


def waits_for_lost_notice(view: View, thread: ThreadView) -> Frame | None:
    """The line to blame where it waits under a condition for a place that must be free."""
    if thread.wait.kind != "event" or thread.app_frame is None or not own_pools.is_pool(view, thread.app_frame):
        return None
    return own_pools.lost_notice(view, thread.app_frame)


def _of_pool(view: View, taker: Frame) -> bool:
    """Whether the line takes from a pool: called like one, or filled like one."""
    return bool(_POOL_NAME.search(view.source(taker))) or own_pools.is_filled_queue(view, taker)


def _who_keeps(view: View, waiter: Frame) -> Culprit | None:
    kept = _kept(view, waiter)
    return (
        suspects.unreturned(view, waiter, _GIVES_BACK)
        or own_pools.unreturned(view, waiter)
        or (kept.culprit if kept else None)
        or suspects.unsafe(view, waiter, _GIVES_BACK)
    )


def _kept_words(view: View, waiter: Frame) -> str:
    kept = _kept(view, waiter)
    return kept.words if kept else "nobody gives one back"


def _kept(view: View, waiter: Frame) -> holdings.Holding | None:
    source = view.file(waiter.file)
    return holdings.keeper(view, frozenset(shape.outer_calls_at(source, waiter.line) if source else ()))


def _is_get(frames: Sequence[Frame]) -> bool:
    return any(at_place(frame, ("queue.py:get",)) for frame in frames[:3])


def _of_tasks(view: View) -> Iterator[Finding]:
    waiting = [one for one in suspended(view) if one.kind in ("pool", "semaphore")]
    waiting = waiting or [one for one in suspended(view) if one.kind in ("sign", "unknown") and _takes(view, one)]
    if not waiting or (goes_round(view, waiting[0]) and not view.in_trouble):
        return
    first, count = waiting[0], sum(one.task.alike for one in waiting)
    given = "but what is given back goes to others first" if goes_round(view, first) else "nobody gives one back"
    place = first.words if first.kind in ("pool", "semaphore") else "a free place of the application's own pool"
    yield Finding(
        cause="pool-exhausted",
        certainty="likely" if view.in_trouble or _read_long(view, first.task.pid) else "guess",
        lasted=0.0,
        summary=f"{_many(count, first.noun)} for {place} in {short(first.app_frame)}; {given}",
        culprit=_who_keeps(view, first.app_frame) or view.culprit(first.app_frame),
        evidence=(f"tasks.json#pid={first.task.pid},task={first.task.name}",),
        prevent=PREVENT,
        details=(*_unread(view, first.task.pid), *first.calls),
    )


def _read_long(view: View, pid: int) -> bool:
    """Whether the memory was read for so long that a place would have been seen to be given back."""
    times = [look.at for look in view.evidence.tasks if look.pid == pid]
    return max(times) - min(times) >= view.limit


def _takes(view: View, one: TaskWait) -> bool:
    """Whether it waits for a place of a pool of the application's own: in a queue, or under a condition."""
    if one.chain[-1].function.endswith("Queue.get") or (one.kind == "unknown" and suspects.takes(view, one.app_frame)):
        return _of_pool(view, one.app_frame)
    return one.chain[-1].function.startswith("Condition.") and own_pools.is_pool(view, one.app_frame)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{' waits' if count == 1 else 's wait'}"


def _unread(view: View, pid: int) -> tuple[str, ...]:
    """Answers that came and were never read keep their connections from going back to the pool."""
    held = [one for one in view.upstreams if one.pid == pid and one.unread]
    return (f"{len(held)} connections hold answers that nobody has read ({held[0].remote})",) if held else ()
