"""What the innermost wait is for decides, whoever waits outside of it; and whose pool it is that is empty."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, LOOP_AT_REST, PID, REQUEST, SITE, Thread, evidence, process, upstream

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence, Task, TaskLook

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
LOOP = Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True)
SERVES = f"run_asgi {SITE}/uvicorn/protocols/http/h11_impl.py:411"


def task(address: int, *calls: str, request: str = "", gathered: tuple[int, ...] = ()) -> Task:
    return Task(PID, address, f"Task-{address}", tuple(map(canned.frame, calls)), request=request, gathered=gathered)


def said(seen: Evidence) -> tuple[str, int | None]:
    found = diagnose(seen)
    return found.verdict, found.findings[0].culprit.line if found.findings and found.findings[0].culprit else None


def test_a_loop_that_is_not_written_in_python_is_known_by_its_tasks() -> None:
    hidden = Thread("MainThread", (f"run {SITE}/someserver/run.py:210", f"<module> {APP}:90"), call="epoll_pwait")
    waiting = task(1, f"answer {APP}:24", request="GET /health")
    assert said(evidence(hidden, tasks=[waiting])) == ("await-never", 24)
    direct = replace(hidden, calls=(f"<module> {APP}:90",))
    assert said(evidence(direct, tasks=[waiting])) == ("await-never", 24)
    assert diagnose(evidence(hidden, tasks=[waiting], health="well")).verdict == "healthy"


def test_a_gather_names_the_task_that_does_not_end() -> None:
    sends = task(1, SERVES, f"send {APP}:30", request="GET /health", gathered=(2,))
    assert said(evidence(LOOP, tasks=[sends, task(2, f"one {APP}:24")])) == ("await-never", 24)
    reads = task(2, f"one {APP}:26", f"StreamReader.readline {LIB}/asyncio/streams.py:540")
    assert said(evidence(LOOP, tasks=[sends, reads], connections=[upstream()])) == ("external-wait", 26)


IN_POOL = (
    SERVES,
    f"Origin.ping {APP}:9",
    f"AsyncConnectionPool.handle_async_request {SITE}/httpcore/_async/connection_pool.py:232",
    f"AsyncPoolRequest.wait_for_connection {SITE}/httpcore/_async/connection_pool.py:35",
    f"AsyncEvent.wait {SITE}/httpcore/_synchronization.py:151",
    f"Event.wait {SITE}/anyio/_backends/_asyncio.py:2009",
    f"Event.wait {LIB}/asyncio/locks.py:213",
)
STREAMS = """
class Origin:
    async def describe(self):
        reply = await self._client.send(request, stream=True)
        self._recent.append(reply)
        return reply.headers

    async def ping(self):
        return (await self._client.get("/ping")).status
"""


@pytest.mark.parametrize("unread", [0, 40_000])
def test_a_task_that_has_no_connection_yet_waits_for_a_pool_and_for_no_peer(unread: int) -> None:
    seen = evidence(LOOP, tasks=[task(1, *IN_POOL)], connections=[upstream(unread=unread)], source=STREAMS)
    assert said(seen) == ("pool-exhausted", 4)  # who streams an answer and does not close it


def test_a_clients_own_pool_is_known_by_its_name_and_a_read_from_a_socket_is_no_pool() -> None:
    pooled = (
        SERVES,
        f"get {APP}:9",
        f"ConnectionPool.take {SITE}/aiokafka/conn_pool.py:80",
        f"Condition.wait {LIB}/asyncio/locks.py:1",
    )
    assert said(evidence(LOOP, tasks=[task(1, *pooled)], connections=[upstream()])) == ("pool-exhausted", 9)
    reads = (*IN_POOL[:3], f"AnyIOStream.read {SITE}/httpcore/_backends/anyio.py:34", f"receive {SITE}/anyio/x.py:9")
    assert said(evidence(LOOP, tasks=[task(1, *reads)], connections=[upstream()])) == ("external-wait", 9)


FILLED = """
class Directory:
    def __init__(self, size):
        self._back = threading.Condition()
        self._idle = collections.deque(Session() for _ in range(size))
    def take(self):
        with self._back:
            while not self._idle:
                self._back.wait()
            return self._idle.popleft()
    def give(self, session):
        with self._back:
            self._idle.append(session)
            self._back.notify()
"""
KEEPS = """
def lookup(name):
    session = directory.take()
    mail = session.mail(name)
    directory.give(session)
    return mail
def health():
    session = directory.take()
    try:
        return session.count()
    finally:
        directory.give(session)
"""
COUNTED = """
class Slots:
    def __init__(self, size):
        self._size, self._out = size, 0
    def take(self):
        with self._back:
            self._back.wait_for(
                lambda: self._out < self._size)
            self._out += 1
"""
LATE = FILLED.replace("collections.deque(Session() for _ in range(size))", "collections.deque()")
TAKES = (f"wait {LIB}/threading.py:327", f"Directory.take {APP}:9", *REQUEST)


def threads(source: str, line: int = 9) -> Evidence:
    takes = (TAKES[0], f"Directory.take {APP}:{line}", *REQUEST)
    return evidence(MAIN, Thread("Thread-2", takes, call="futex", tid=11), source=source)


def test_what_is_taken_from_under_a_condition_and_was_there_from_the_start_is_a_pool() -> None:
    assert said(threads(FILLED)) == ("pool-exhausted", 9)
    assert said(threads(FILLED + KEEPS)) == ("pool-exhausted", 17)  # `lookup` gives nothing back after an error
    listed = FILLED.replace("collections.deque(Session() for _ in range(size))", "[Session(n) for n in range(size)]")
    assert said(threads(listed)) == ("pool-exhausted", 9)
    assert said(threads(COUNTED, 7)) == ("pool-exhausted", 7)


def test_a_pool_that_is_filled_late_is_known_by_who_puts_back_what_he_took() -> None:
    assert said(threads(LATE + KEEPS)) == ("pool-exhausted", 17)
    assert said(threads(LATE))[0] == "await-never"  # a mailbox


def test_the_same_pool_for_tasks() -> None:
    source = FILLED.replace("threading", "asyncio").replace("    def take", "    async def take")
    waits = task(1, SERVES, f"Directory.take {APP}:9", f"Condition.wait {LIB}/asyncio/locks.py:264")
    assert said(evidence(LOOP, tasks=[waits], source=source)) == ("pool-exhausted", 9)
    mailbox = evidence(LOOP, tasks=[waits], source=LATE)
    assert diagnose(mailbox).verdict == "await-never"


PROBES = """
async def check(frames):
    async with slots:
        child = await asyncio.create_subprocess_exec("probe", stdout=PIPE, stderr=PIPE)
        text = await child.stdout.read()
        return text, await child.stderr.read()
async def listen(reader):
    return await reader.read()
"""


def probing(*tasks: Task, health: str = "hung") -> Evidence:
    return evidence(
        LOOP,
        Thread("python", ("<module> /srv/shop/probe.py:10",), call="write", descriptor=2, pid=200, tid=200),
        processes=[process(), process(200, PID, ("python", "probe.py"))],
        descriptors=[canned.pipe(200, 2, 902, PID, writable=True)],
        tasks=tasks,
        source=PROBES,
        health=health,
    )


def test_a_task_that_reads_one_pipe_of_a_child_while_the_other_is_full_is_the_root() -> None:
    reads = task(1, SERVES, f"check {APP}:5", f"StreamReader.read {LIB}/asyncio/streams.py:706")
    waits = task(2, SERVES, f"check {APP}:3", f"Semaphore.acquire {LIB}/asyncio/locks.py:387", request="GET /health")
    assert said(probing(waits, reads)) == ("child-pipe-full", 5)
    assert "reads another pipe" in diagnose(probing(waits, reads)).findings[0].summary


def test_a_task_that_reads_from_no_child_does_not_fill_a_childs_pipe() -> None:
    other = task(1, SERVES, f"listen {APP}:8", f"StreamReader.read {LIB}/asyncio/streams.py:706")
    assert "child-pipe-full" not in [one.cause for one in diagnose(probing(other)).findings]
    reads = task(1, SERVES, f"check {APP}:5", f"StreamReader.read {LIB}/asyncio/streams.py:706")
    assert diagnose(probing(reads, health="well")).verdict == "healthy"


HUB = Thread("MainThread", (f"Hub.run {SITE}/gevent/hub.py:647",), call="epoll_wait", moves=True)
GUNICORN = (
    f"_handle_and_close_when_done {SITE}/gevent/baseserver.py:34",
    f"AsyncWorker.handle {SITE}/gunicorn/workers/base_async.py:98",
    f"Flask.wsgi_app {SITE}/flask/app.py:1511",
)
LINKS = """
class Links:
    def __init__(self, size):
        self.spare = Queue()
        for number in range(size):
            self.spare.put(Link(number))
    def fetch(self, key):
        link = self.spare.get()
        return link.fetch(key)
"""


def greenlet(*calls: str, request: str = "GET /health") -> Task:
    return replace(task(1, *GUNICORN, *calls, request=request), greenlet=True)


def test_a_suspended_greenlet_waits_for_what_its_innermost_call_waits_for() -> None:
    waits = greenlet(f"Links.fetch {APP}:8")
    assert said(evidence(HUB, tasks=[waits], source=LINKS)) == ("pool-exhausted", 8)
    mailbox = LINKS.replace("self.spare.put(Link(number))", "pass").replace("spare", "mail")
    found = diagnose(evidence(HUB, tasks=[waits], source=mailbox))
    assert found.verdict == "await-never"
    assert "1 greenlet (GET /health) awaits what nobody gives it in fetch" in found.findings[0].summary
    reads = greenlet(
        f"rates {APP}:8", f"create_connection {LIB}/socket.py:1", f"socket.recv {SITE}/gevent/_socket3.py:567"
    )
    assert said(evidence(HUB, tasks=[reads], connections=[upstream()])) == ("external-wait", 8)


def test_the_threads_own_means_between_greenlets_are_no_locks() -> None:
    inside = (f"Condition.wait {LIB}/threading.py:327", f"LockType.acquire {SITE}/gevent/thread.py:112")
    event = greenlet(f"f {APP}:8", f"Event.wait {LIB}/threading.py:629", *inside)
    assert diagnose(evidence(HUB, tasks=[event])).findings[0].summary.endswith("that nobody sets in f (server.py:8)")
    slot = greenlet(f"f {APP}:8", f"Semaphore.acquire {LIB}/threading.py:507", *inside)
    assert said(evidence(HUB, tasks=[slot])) == ("pool-exhausted", 8)
    lock = greenlet(f"f {APP}:8", inside[1])
    assert said(evidence(HUB, tasks=[lock])) == ("await-never", 8)


def test_greenlets_of_a_server_that_answers_are_at_work() -> None:
    waits = greenlet(f"Links.fetch {APP}:8")
    assert diagnose(evidence(HUB, tasks=[waits], source=LINKS, health="well")).verdict == "healthy"


def test_what_greenlets_wait_for_that_cannot_be_read_is_told_as_not_seen() -> None:
    seen = replace(evidence(HUB), tasks=(TaskLook(PID, 0.5, "3.11", strange=3),))
    found = diagnose(seen)
    assert found.verdict == "unknown"
    assert "3 greenlets keep their calls in a way that is not known here" in found.findings[0].details[0]
