"""A server that nobody can ask: it has no port, or its port does not speak HTTP. Pure.

Without a question no answer is missing, so its threads decide: each has a piece of work (a job) in hand, or waits for
the next one. A job that stays where it is, or computes without an end, is a trouble; an idle queue is not.
"""

from __future__ import annotations

import ast
from collections import Counter

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import at_place, innermost_application, package
from watchdog.diagnosis.ended_peers import read_after_end
from watchdog.diagnosis.polling import awaits_result
from watchdog.diagnosis.rounds import repeats
from watchdog.diagnosis.tasks import TaskWait, answers_request, suspended
from watchdog.diagnosis.threads import Threads, ThreadView
from watchdog.model.evidence import Frame, PeerLook, Task
from watchdog.model.finding import Certainty
from watchdog.model.process import Process

PATIENCE = 10.0  # seconds for which a job may stand at one place: jobs may take longer than answers
LONG_SLEEP = 60.0  # seconds: pauses between two attempts are shorter as a rule

# Packages that take jobs from a queue or a timetable and call the application's functions with them.
ENGINES = frozenset({
    "celery", "rq", "dramatiq", "huey", "arq", "apscheduler", "taskiq", "saq", "schedule", "procrastinate", "django_q",
    "faust", "nameko", "streaq", "django_rq", "rq_scheduler", "prefect", "luigi", "airflow",
})  # fmt: skip
# Engines whose master starts another process in the place of a child that was ended, and goes on.
_REPLACING = frozenset({"celery", "billiard", "rq", "huey", "arq"})

# What a plain script of one's own waits for only while something is wrong; for the rest it may wait by design.
_NEVER_REST = frozenset({"lock", "import", "connect", "send", "names", "file-lock", "database", "pipe-write"})


def engine(view: Threads, pid: int) -> str:
    """The package that gives jobs to this process; empty where there is none."""
    return next((name for name in view.packages.get(pid, ()) if name in ENGINES), "")


def workers_below(view: Threads) -> frozenset[int]:
    """Processes that take jobs from a queue while others of the same server take requests: no question reaches them."""
    serving = {pid for _, listener in view.evidence.listeners for pid in listener.holders}
    if not serving:
        return frozenset()
    return frozenset(pid for pid in view.processes if not view.is_server(pid) and engine(view, pid))


def stuck_threads(view: Threads) -> tuple[ThreadView, ...]:
    """Threads whose job, or whose script, stays where it is for too long."""
    return tuple(thread for thread in view.python_threads if _waits(thread) and _too_long(view, thread))


def waiting_below(view: Threads) -> tuple[ThreadView, ...]:
    """Threads with a job of a queue that wait for somebody, in processes that no question reaches."""
    pids = workers_below(view)
    waiting = (one for one in view.python_threads if one.pid in pids and one.serves_request and _waits(one))
    return tuple(one for one in waiting if one.wait.kind not in ("sleep", "child", "unknown", "select", "poll"))


def stuck_below(view: Threads) -> tuple[ThreadView, ...]:
    """Those of them that have waited for too long."""
    return tuple(one for one in waiting_below(view) if _too_long(view, one))


def waiting_threads(view: Threads) -> tuple[ThreadView, ...]:
    """Threads that wait with a job in hand, however long."""
    return tuple(thread for thread in view.python_threads if thread.serves_request and _waits(thread))


def _waits(thread: ThreadView) -> bool:
    if thread.app_frame is None or thread.is_idle or thread.spins or thread.is_event_loop or _may_be_stream(thread):
        return False
    return thread.serves_request or thread.wait.kind in _NEVER_REST or _unanswered(thread)


def _may_be_stream(thread: ThreadView) -> bool:
    """A server whose port could not be asked may keep a thread for each client, which waits for news, or for the next
    words of its client, by design. Bytes of a client that nobody reads tell the other case."""
    view = thread.view
    serves = bool(view.evidence.protocol) and not engine(view, thread.pid)
    return serves and thread.wait.kind in ("queue", "event", "client") and view.unread_for < view.limit


def _too_long(view: Threads, thread: ThreadView) -> bool:
    if awaits_result(thread.work):
        return thread.stuck >= LONG_SLEEP or all_await_results(view, thread)
    if thread.wait.kind == "sleep":
        return thread.stuck + thread.sleep_left >= LONG_SLEEP
    return thread.stuck >= max(PATIENCE, view.limit)


def awaited(thread: ThreadView) -> str:
    """What it waits for, in words: between two questions for a result the kernel shows only a sleep, or the broker."""
    return "the result of a task" if awaits_result(thread.work) else thread.wait.words


def all_await_results(view: Threads, thread: ThreadView) -> bool:
    """Whether every worker of its queue that is seen waits, with a job in hand, for the result of another task: then
    nobody here is left who could do that task."""
    name = engine(view, thread.pid)
    if not _takes_all_tasks(view, name):
        return False
    same = [one for one in view.python_threads if lasts(view, one.pid) and engine(view, one.pid) == name]
    workers = [one for one in same if _has_job(one, name) or _takes_jobs(one)]
    return (
        bool(name)
        and thread in workers
        and all(one.stuck >= max(PATIENCE, view.limit) and awaits_result(one.work) for one in workers)
    )


def _takes_all_tasks(view: Threads, name: str) -> bool:
    """Whether the worker takes from the queue into which tasks go as a rule. One that was told its queues (`-Q`) may
    wait for a task of another, which a worker elsewhere does."""
    words = " ".join(word for one in view.processes.values() for word in one.cmdline or ())  # a child may be renamed
    return name in ONE_QUEUE or (name in _ONE_UNLESS_TOLD and not any(word in words for word in (" -Q", " --queues")))


# Engines whose tasks all go into the queue that their worker takes from; and those that have other queues if told so.
ONE_QUEUE, _ONE_UNLESS_TOLD = frozenset({"huey"}), frozenset({"celery", "dramatiq"})


def _has_job(thread: ThreadView, engine_name: str) -> bool:
    """Whether the engine has called the application: not the other way round."""
    outer = thread.frames[::-1]
    own = next((place for place, one in enumerate(outer) if thread.app_frame and one.file == thread.app_frame.file), 0)
    return any(package(frame) == engine_name for frame in outer[:own])


def _takes_jobs(thread: ThreadView) -> bool:
    """Whether it waits for the next job, as a free worker does."""
    inner = ("", *(frame.file for frame in thread.frames))
    return thread.is_idle and any(
        at_place(frame, _TAKERS) or (at_place(frame, _AT_QUEUE) and inner[place].endswith("/queue.py"))
        for place, frame in enumerate(thread.frames)
    )


# Where a worker waits that has no job; beside it threads of the engine that take none wait in the same packages.
_TAKERS = (
    "huey/consumer.py:sleep",
    "huey/api.py:dequeue",
    "billiard/pool.py:workloop",
    "rq/worker/:dequeue_job_and_maintain_ttl",
    "concurrent/futures/thread.py:_worker",
)
_AT_QUEUE = ("dramatiq/worker.py:run",)


def _unanswered(thread: ThreadView) -> bool:
    """A script that reads from a peer may wait for messages; one that has asked, and got nothing, waits in vain."""
    descriptor = thread.descriptor
    connection = thread.view.connection(descriptor.inode) if descriptor else None
    if thread.wait.kind != "socket" or connection is None or connection.sent_ago is None or receives(thread):
        return False
    return connection.received_ago is None or connection.received_ago >= connection.sent_ago


def receives(thread: ThreadView) -> bool:
    """Whether it stands in a client library's call that waits for the next message."""
    names = {frame.function.rpartition(".")[2] for frame in thread.frames if package(frame)}
    return bool(names & _RECEIVERS)


_RECEIVERS = frozenset({
    "blpop", "brpop", "bzpopmin", "bzpopmax", "blmove", "brpoplpush", "xread", "xreadgroup", "listen", "get_message",
    "start_consuming", "drain_events", "process_data_events", "poll", "consume", "watch", "notifies", "receive",
})  # fmt: skip


def stuck_tasks(view: Threads) -> tuple[Task, ...]:
    """Jobs of an event loop that are suspended at the same place in the first and in the last reading of the memory.
    A task that sleeps does not tell until when: it is not counted."""
    first: dict[tuple[int, int], tuple[float, tuple[Frame, ...]]] = {}
    last: dict[int, float] = {}
    for look in view.evidence.tasks:
        for task in look.tasks:
            first.setdefault((task.pid, task.address), (look.at, task.frames))
        last[look.pid] = look.at
    return tuple(
        one.task
        for one in job_waits(view)
        if one.kind != "sleep"
        for at, frames in [first[one.task.pid, one.task.address]]
        if frames == one.task.frames and last[one.task.pid] - at >= view.limit
    )


def job_waits(view: Threads) -> tuple[TaskWait, ...]:
    """Suspended tasks that are jobs: in a process whose engine has a job in hand, those in the application's code."""
    busy = {task.pid for look in view.tasks for task in look.tasks if answers_request(task)}
    return tuple(one for one in suspended(view) if one.task.pid in busy and engine(view, one.task.pid))


def has_stuck(view: Threads) -> bool:
    return bool(stuck_threads(view)) or bool(stuck_tasks(view))


def lost_peers(view: Threads) -> tuple[PeerLook, ...]:
    """Brokers that give no jobs: they refuse, are silent, or take connections and answer nothing."""
    if not any(engine(view, pid) for pid in view.processes):
        return ()
    talks = {one.remote for one in view.upstreams if one.state == "ESTABLISHED"}
    found = {one.address: one for one in view.evidence.peers if _is_lost(one, talks)}
    return tuple(found.values())


def _is_lost(peer: PeerLook, talks: set[str]) -> bool:
    if peer.stopped is not None or peer.state == "mute":
        return True
    # Who has a connection needs no new one; an address that is only named counts where nothing else is connected.
    return peer.named and not talks and peer.state in ("refuses", "silent")


def undecided(view: Threads) -> bool:
    """Whether a job is in hand of which a longer look may tell more: it waits, or it computes."""
    lasting = [one for one in view.python_threads if lasts(view, one.pid)]
    busy = any(thread.spins and thread.app_frame is not None and not thread.is_idle for thread in lasting)
    return busy or bool(job_waits(view)) or any(map(_waits, lasting))


def lasts(view: Threads, pid: int) -> bool:
    """Whether it is not one of the children that come and go, each for one piece of work."""
    return pid not in view.gone and not view.is_passing(pid)


def endless(view: Threads, thread: ThreadView, frame: Frame) -> Certainty | None:
    """How certain it is that the thread, which computes, never comes to an end: None where it may be at work.

    `while True` without a way out, in a job, has no end; so has a `while` whose condition nothing inside changes, or
    whose variables come back to where they were. Where the source does not tell, a job that was seen in one function
    only, at a few lines, is suspected. One that moves through other functions, or through a `for`, is at work.
    """
    if not (thread.serves_request or thread.is_main or thread.is_event_loop):
        return None
    leaves = Counter((one.file, one.function) for one in _leaves(thread))
    alone = len(leaves) == 1 and next(iter(leaves)) == (frame.file, frame.function)
    source = view.file(frame.file)
    loop = shape.innermost_loop(source, frame.line) if source and not source.changed_since_start else None
    if repeats(view, thread, frame) or read_after_end(view, thread, frame):
        return "likely"
    if isinstance(loop, ast.While) and not shape.has_exit(loop):
        if shape.is_constant(loop.test):
            return "certain" if thread.serves_request or alone else None
        if not shape.changes_test(loop):
            return "likely"
    if not alone or isinstance(loop, (ast.For, ast.AsyncFor)):
        return None
    return "guess" if len(thread.lines(frame)) <= _FEW_LINES and thread.seen_for >= view.limit else None


_FEW_LINES = 4


def _leaves(thread: ThreadView) -> list[Frame]:
    return [leaf for _, one in thread.complete_samples if (leaf := innermost_application(one.frames)) is not None]


def replaced_alone(view: Threads, pid: int | None) -> bool:
    """Whether the master of this process starts another one in its place, so that ending it alone is enough."""
    tree = view.evidence.tree
    process: Process | None = view.processes.get(pid or 0)
    if tree is None or process is None or process.pid == tree.root.pid or process.parent not in view.processes:
        return False
    packages = {package(frame) for thread in view.threads_of(process.parent) for frame in thread.frames}
    return bool(packages & _REPLACING)
