"""What a suspended task (asyncio, trio) or greenlet waits for, told from the calls that it is suspended in. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from watchdog.diagnosis import posts, shape
from watchdog.diagnosis.code import at_place, base, is_application, is_standard, package, short
from watchdog.diagnosis.indexed import Indexed
from watchdog.diagnosis.locking import graph, who
from watchdog.model.evidence import Frame, Task
from watchdog.model.records import record

# Innermost match counts. Kinds: lock, semaphore, pool, sign (an event, future, queue that somebody has to fill),
# network, sleep, child, threads (work given to a thread).
_PLACES = (
    ("lock", ("asyncio/locks.py:Lock.acquire", "anyio/_core/_synchronization.py:Lock.acquire",
              "trio/_sync.py:_LockImpl.acquire", "gevent/thread.py:acquire", "gevent/lock.py:acquire",
              "threading.py:_RLock.acquire")),
    ("semaphore", ("asyncio/locks.py:Semaphore.acquire", "asyncio/locks.py:BoundedSemaphore.acquire",
                   "anyio/_core/_synchronization.py:Semaphore.acquire",
                   "anyio/_core/_synchronization.py:CapacityLimiter.acquire", "threading.py:Semaphore.acquire",
                   "trio/_sync.py:Semaphore.acquire", "trio/_sync.py:CapacityLimiter.acquire_on_behalf_of",
                   "eventlet/semaphore.py:acquire")),
    ("pool", ("aiohttp/connector.py:connect", "aiohttp/connector.py:_wait_for_available_connection",
              "httpcore/_async/connection_pool.py:wait_for_connection", "httpcore/_synchronization.py:wait",
              "asyncpg/pool.py:*", "psycopg_pool/:*", "aiomysql/pool.py:*", "aiopg/pool.py:*",
              "redis/asyncio/connection.py:get_connection", "sqlalchemy/pool/:*", "aioredis/pool.py:*",
              "urllib3/connectionpool.py:_get_conn", "redis/connection.py:get_connection", "eventlet/pools.py:get",
              "eventlet/db_pool.py:get")),
    ("network", ("asyncio/streams.py:*", "asyncio/selector_events.py:*", "asyncio/base_events.py:sock_*",
                 "asyncio/base_events.py:create_connection", "asyncio/base_events.py:getaddrinfo",
                 "anyio/_core/_sockets.py:*", "anyio/streams/tls.py:*", "gevent/_socket3.py:*", "trio/_socket.py:*",
                 "trio/_highlevel_socket.py:*", "trio/_highlevel_open_tcp_stream.py:*", "trio/_ssl.py:*",
                 "gevent/_socketcommon.py:*", "gevent/ssl.py:*", "eventlet/greenio/:*", "eventlet/green/ssl.py:*")),
    ("child", ("asyncio/subprocess.py:*", "asyncio/base_subprocess.py:*", "gevent/subprocess.py:*",
               "trio/_subprocess.py:*",
               "eventlet/green/subprocess.py:*")),
    ("threads", ("anyio/to_thread.py:run_sync", "anyio/to_process.py:run_sync",
                 "starlette/concurrency.py:run_in_threadpool", "asyncio/threads.py:to_thread", "asgiref/sync.py:*",
                 "trio/_threads.py:to_thread_run_sync", "gevent/threadpool.py:*", "eventlet/tpool.py:*")),
    ("sleep", ("asyncio/tasks.py:sleep", "anyio/_core/_eventloop.py:sleep", "trio/_timeouts.py:*",
               "gevent/hub.py:sleep",
               "eventlet/greenthread.py:sleep")),
    ("sign", ("asyncio/locks.py:*", "asyncio/queues.py:*", "anyio/streams/memory.py:*",
              "anyio/_core/_synchronization.py:*", "threading.py:wait", "queue.py:get", "queue.py:put",
              "trio/_sync.py:*", "trio/_channel.py:*",
              "gevent/event.py:*", "gevent/queue.py:*", "eventlet/event.py:*", "eventlet/queue.py:*")),
)  # fmt: skip

# Packages that are only other means of waiting: whose call it is stands outside of them.
# Long polls and streams wait so by design: while all else is answered, a request that waits so is not a fault.
MAY_BE_MEANT = frozenset({"sign", "unknown", "sleep", "task"})
_MEANS = frozenset({"anyio", "sniffio", "async_timeout", "uvloop", "trio"})

_SWITCHES = _MEANS | {"gevent", "eventlet", "greenlet"}

# Packages whose calls, where a task is suspended in them, wait for somebody over the network.
_CLIENTS = frozenset({
    "aiohttp", "httpx", "httpcore", "asyncpg", "aiomysql", "aiopg", "redis", "aioredis", "psycopg", "motor", "pymongo",
    "grpc", "websockets", "aiosmtplib", "elasticsearch", "aiobotocore", "aiokafka", "aio_pika", "aiormq", "nats",
    "asyncssh", "ldap3", "h11", "hiredis", "pymysql",
})  # fmt: skip

# Where a task waits until the other end of a connection has read what was sent to it.
_SENDERS = (
    "asyncio/streams.py:drain", "asyncio/streams.py:_drain_helper", "asyncio/selector_events.py:sock_sendall",
    "asyncio/selector_events.py:sock_sendto", "asyncio/base_events.py:sock_sendfile",
    "aiohttp/base_protocol.py:_drain_helper", "uvicorn/protocols/http/flow_control.py:drain",
    "uvicorn/protocols/websockets/:send",
    "websockets/asyncio/connection.py:drain",
    "websockets/legacy/protocol.py:_drain", "websockets/legacy/protocol.py:_drain_helper",
    "anyio/_backends/_asyncio.py:send", "trio/_highlevel_socket.py:send_all", "trio/_ssl.py:send_all",
    "gevent/_socketcommon.py:sendall", "gevent/_socketcommon.py:send", "gevent/_socket3.py:sendall",
    "gevent/_socket3.py:send", "eventlet/greenio/base.py:sendall", "eventlet/greenio/base.py:send",
)  # fmt: skip

_BODY_READERS = tuple(f"starlette/requests.py:{name}" for name in ("stream", "body", "json", "form", "_get_form"))

_WORDS = {
    "lock": "a lock",
    "semaphore": "a free place of a semaphore",
    "pool": "a free connection of a pool",
    "network": "an answer over the network",
    "child": "a child process",
    "threads": "work that was given to a thread",
    "sleep": "a sleep to end",
    "sign": "an event, queue or future that nobody sets",
    "task": "another task",
    "unknown": "a future that is not set",
}


@record(frozen=True)
class TaskWait:
    """One suspended task."""

    task: Task
    kind: str
    app_frame: Frame  # the innermost frame of the application's code
    chain: tuple[Frame, ...]  # outermost first, from the outermost frame of the application on

    @property
    def receives(self) -> bool:
        """Whether it waits for the next message of a client that keeps its connection open."""
        last = len(self.chain) - 1 - self.chain[::-1].index(self.app_frame)
        return posts.receives(self.chain[last + 1 :])

    @property
    def is_bounded(self) -> bool:
        """Whether its wait has a time-out, as a long poll has."""
        return any(at_place(frame, ("asyncio/tasks.py:wait_for", "async_timeout/:*")) for frame in self.chain)

    @property
    def sends(self) -> bool:
        """Whether it waits for the other end of a connection to read."""
        return self.kind == "network" and _sends(self.chain)

    @property
    def reads_its_body_again(self) -> bool:
        """Whether it reads the body of its request, which the client has sent and somebody else has read already."""
        return self.task.body_is_in and any(at_place(frame, _BODY_READERS) for frame in self.chain)

    @property
    def words(self) -> str:
        if self.reads_its_body_again:
            return "the request's body, which has been read already,"
        if self.sends:
            return "the other end of a connection, which does not read what is sent to it"
        if self.kind == "unknown" and self.task.greenlet:
            return "what nobody gives it"
        return _WORDS[self.kind]

    @property
    def calls(self) -> tuple[str, ...]:
        """Lines for a finding's details."""
        return tuple(f"  {'in' if self.task.greenlet else 'await'} {short(frame)}" for frame in self.chain)

    @property
    def noun(self) -> str:
        return "greenlet" if self.task.greenlet else "task"


def suspended(view: Indexed) -> tuple[TaskWait, ...]:
    """Tasks that are suspended in the application's code, those that answer requests first."""
    found = [
        wait
        for look in view.tasks
        for task in look.tasks
        if not task.running and not task.ready
        for wait in [_wait(view, task)]
        if wait is not None
    ]
    return tuple(sorted(found, key=lambda wait: not answers_request(wait.task)))


def serving(view: Indexed, kinds: frozenset[str]) -> tuple[TaskWait, ...]:
    """Suspended tasks of these kinds that serve requests. Where a server of the application's own making shows no sign
    of which ones do, all that are not plainly at rest."""
    waiting = suspended(view)
    asked = [one for one in waiting if answers_request(one.task) and not (one.receives and not keeps_others(view, one))]
    chosen = asked or [one for one in waiting if one.kind != "sleep" and not _at_rest(one)]
    return tuple(one for one in _ends(chosen, waiting) if one.kind in kinds)


def goes_round(view: Indexed, one: TaskWait) -> bool:
    """Whether a task that stood where this one stands was seen further on later: what it waits for is given back."""
    stood: set[tuple[int, str]] = set()
    for look in view.evidence.tasks:
        if look.pid != one.task.pid:
            continue
        here = {(task.address, task.name) for task in look.tasks if one.app_frame in task.frames}
        if stood & ({(task.address, task.name) for task in look.tasks} - here):
            return True
        stood |= here
    return False


def keeps_others(view: Indexed, one: TaskWait) -> bool:
    """Whether it has a lock that others wait for."""
    return (one.task.pid, one.task.name) in {who(held) for _, held in graph(view.evidence.locks).contended() if held}


def _ends(chosen: Iterable[TaskWait], waiting: Iterable[TaskWait]) -> Iterable[TaskWait]:
    """These tasks, but instead of one that waits for other tasks (`gather`, `await task`) those that it waits for."""
    known = {one.task.address: one for one in waiting}
    seen: set[int] = set()
    left = list(chosen)
    while left:
        one = left.pop(0)
        if one.task.address in seen:
            continue
        seen.add(one.task.address)
        others = [known[other] for other in (one.task.waits_for_task, *one.task.gathered) if other in known]
        if others and one.kind == "task":
            asked = one.task.request
            left = [*(replace(it, task=replace(it.task, request=it.task.request or asked)) for it in others), *left]
        else:
            yield one


def _at_rest(wait: TaskWait) -> bool:
    return wait.receives or any(at_place(frame, _RESTS) for frame in wait.task.frames)


_RESTS = (
    "asyncio/base_events.py:serve_forever",
    "asyncio/base_events.py:wait_closed",
    "uvicorn/server.py:*",
    "hypercorn/:*",
    "aiohttp/web.py:*",
    "websockets/:serve_forever",
    "gevent/baseserver.py:serve_forever",
    "eventlet/wsgi.py:server",
    "trio/_highlevel_serve_listeners.py:_serve_one_listener",
    "trio/_core/_run.py:_nested_child_finished",  # a nursery whose tasks run
)


def answers_request(task: Task) -> bool:
    """Whether the task serves a request, by its variables or by the server's calls that it began in."""
    return bool(task.request) or any(at_place(frame, _SERVERS) for frame in task.frames)


_SERVERS = (
    "uvicorn/protocols/:*",
    "hypercorn/:*",
    "aiohttp/web_protocol.py:*",
    "aiohttp/web_app.py:*",
    "starlette/routing.py:app",
    "tornado/web.py:_execute",
    "sanic/app.py:handle_request",
    "quart/app.py:*",
    "daphne/:*",
    "django/core/handlers/:*",
    "gunicorn/workers/base_async.py:handle",
    "gevent/pywsgi.py:handle",
    "gevent/baseserver.py:_handle_and_close_when_done",
    "eventlet/wsgi.py:handle_one_response",
    "trio/_highlevel_serve_listeners.py:_run_handler",
    "arq/worker.py:run_job",
    "taskiq/receiver/:*",
    "apscheduler/executors/:*",
)


def _wait(view: Indexed, task: Task) -> TaskWait | None:
    own = next((index for index in range(len(task.frames) - 1, -1, -1) if is_application(task.frames[index])), None)
    if own is None:
        return None
    first = next(index for index, frame in enumerate(task.frames) if is_application(frame))
    if task.greenlet and task.gathered and not _joins(view, task.frames[own]):
        task = replace(task, gathered=())  # it has them in its variables, and waits for something else
    tail = task.frames[own + 1 :]
    kind = _kind(task, tail)
    if kind == "unknown" and _gives_away(view, task.frames[own]):
        kind = "threads"
    return TaskWait(task, kind, task.frames[own], task.frames[first:])


def _joins(view: Indexed, frame: Frame) -> bool:
    source = view.file(frame.file)
    return source is not None and not _JOINS.isdisjoint(shape.calls_at(source, frame.line))


_JOINS = frozenset({"joinall", "join", "get", "wait", "waitall", "iwait"})


def _gives_away(view: Indexed, frame: Frame) -> bool:
    """Whether the line gives work to a thread, or awaits a variable with such work: its future shows no call."""
    source = view.file(frame.file)
    if source is None:
        return False
    calls = set(shape.calls_at(source, frame.line)) or set(shape.calls_behind(source, frame.line))
    return not _GIVES_AWAY.isdisjoint(calls)


_GIVES_AWAY = frozenset({"run_in_executor", "wrap_future", "to_thread", "sync_to_async"})


def _kind(task: Task, tail: Iterable[Frame]) -> str:
    inner = list(tail)
    if _sends(inner):
        return "network"
    # A pool or a client library waits by asyncio's own means: whose call it is tells more than the means.
    means = [index for index, frame in enumerate(inner) if not is_standard(frame) and package(frame) not in _MEANS]
    library = inner[means[-1]] if means else None
    if library is not None and (_at(library, "pool") or _own_pool(library, inner[means[-1] + 1 :])):
        return "pool"
    for kind in ("threads", "child"):
        if any(_at(frame, kind) for frame in inner):
            return kind
    if any(package(frame) in _CLIENTS for frame in inner):
        return "network"
    # The threads' own means, where they switch greenlets, have other ones inside: there the outermost counts.
    for frame in inner if task.greenlet else reversed(inner):
        for kind, _ in _PLACES:
            if _at(frame, kind):
                return kind
    if task.waits_for_task is not None or task.gathered:
        return "task"
    return "unknown"


def _sends(frames: Iterable[Frame]) -> bool:
    """Whether these calls end in one that waits for room to send, whatever means it waits by."""
    calls = list(frames)
    inner = [index for index, frame in enumerate(calls) if at_place(frame, _SENDERS)]
    return bool(inner) and all(is_standard(frame) or package(frame) in _SWITCHES for frame in calls[inner[-1] + 1 :])


def _own_pool(library: Frame, means: list[Frame]) -> bool:
    """Whether a client library waits in its pool for an internal sign (a condition, a queue), and for no socket."""
    signs = any(_at(frame, kind) for frame in means for kind in ("lock", "semaphore", "sign"))
    return signs and package(library) in _CLIENTS and "pool" in f"{base(library)}:{library.function}".lower()


def _at(frame: Frame, kind: str) -> bool:
    places = dict(_PLACES)[kind]
    for place in places:
        file, _, name = place.rpartition(":")
        if name.endswith("_*") or "." in name:
            if at_place(frame, (f"{file}:*",)) and (
                frame.function == name
                or (name.endswith("*") and frame.function.rpartition(".")[2].startswith(name[:-1]))
            ):
                return True
        elif at_place(frame, (place,)):
            return True
    return False
