"""What grows to a bound, and what was made once, is no fault; what grows without one is blamed where it is filled."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, AT_REST, LIB, PID, REQUEST, SITE, Thread, evidence

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Container, Evidence, Lent, SourceFile, TaskLook

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
CACHE = "/srv/shop/cache.py"
KEEPS = """
class Tiles:
    def put(self, key, data):
        self._tiles[key] = data
        self._shrink()

    def _shrink(self):
        while self._size > self._limit:
            self._tiles.popitem(last=False)
"""


def filling(source: str) -> Evidence:
    """A server whose memory rises: a variable of its own module leads to what another module fills."""
    memory = [(40 + 3 * n) << 20 for n in range(12)]
    seen = evidence(
        Thread("MainThread", AT_REST, call="poll", moves=True), memory=memory, health="well", source="\n" * 9
    )
    kept = Container("app.cache._tiles", "_tiles", APP, "collections.OrderedDict", 100, 20 << 20, 1)
    later = replace(kept, length=180, size=40 << 20)
    looks = (TaskLook(PID, 0.5, "3.11", containers=(kept,)), TaskLook(PID, 4.5, "3.11", containers=(later,)))
    lines = tuple(enumerate(source.splitlines(), 1))
    return replace(seen, tasks=looks, sources=(*seen.sources, SourceFile(CACHE, lines)))


def test_a_cache_that_drops_the_oldest_over_a_limit_is_no_leak() -> None:
    assert diagnose(filling(KEEPS)).verdict == "healthy"


def test_a_leak_is_blamed_on_the_line_of_the_file_that_fills_the_variable() -> None:
    (first, *_) = diagnose(filling(KEEPS.replace("self._shrink()", "pass"))).findings
    assert first.cause == "memory-leak" and first.culprit is not None
    assert (first.culprit.file, first.culprit.line) == (CACHE, 4)


def test_a_call_of_grpc_waits_for_its_peer_and_not_for_any_socket() -> None:
    calls = (f"_blocking {SITE}/grpc/_channel.py:1162", f"level {APP}:18", *REQUEST)
    seen = evidence(MAIN, Thread("Thread-2", calls, call="epoll_wait", tid=11))
    (first, *_) = diagnose(seen).findings
    assert first.cause == "external-wait" and first.culprit is not None and first.culprit.line == 18


CREW = """
class Crew:
    def __init__(self, size):
        self.members = [threading.Thread(target=self.work) for _ in range(size)]

    def work(self):
        while True:
            self.jobs.get()()
"""


@pytest.mark.parametrize(
    ("made", "leaks"),
    [("crew = Crew(130)\n", False), ("def page():\n    Crew(1)\n", True)],
    ids=["once", "by requests"],
)
def test_threads_that_were_made_while_the_program_was_loaded_are_a_pool(made: str, leaks: bool) -> None:
    waits = (f"wait {LIB}/threading.py:327", f"get {LIB}/queue.py:171", f"work {CACHE}:8")
    crew = [Thread(f"crew-{n}", waits, call="futex", tid=1000 + n) for n in range(120)]
    seen = evidence(Thread("MainThread", AT_REST, call="poll"), *crew, health="well", source=made)
    lines = tuple(enumerate(CREW.splitlines(), 1))
    seen = replace(seen, sources=(*seen.sources, SourceFile(CACHE, lines)))
    assert (diagnose(seen).verdict == "thread-leak") is leaks


CACHED = """
import functools

@functools.lru_cache(maxsize=None)
def draw(span):
    return render(span)
"""


def test_a_queue_of_a_library_that_got_longer_is_not_blamed_beside_a_cache_without_a_bound() -> None:
    """Those who wait in it came and went: they keep no memory, and no line of the application puts them there."""
    seen = filling(CACHED)
    waiters = Container("app.server.requests.not_empty._waiters", "_waiters", APP, "collections.deque", 1, 0, 1)
    looks = (
        replace(seen.tasks[0], containers=(waiters,)),
        replace(seen.tasks[1], containers=(replace(waiters, length=4),)),
    )
    (first, *_) = diagnose(replace(seen, tasks=looks)).findings
    assert first.cause == "memory-leak" and first.culprit is not None
    assert (first.culprit.file, first.culprit.line) == (CACHE, 6)


EXPORTS = """
def begin(self, customer):
    query = select(rows)
    connection = self._engine.connect()
    token = new()
    self._open[token] = Export(connection, query)

def totals():
    with engine.connect() as connection:
        return connection.scalar()
"""


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (EXPORTS, 4),
        (EXPORTS.replace("Export(connection, query)", "self._engine.connect()"), 6),
        (EXPORTS.replace("self._engine.connect()", "given"), 6),
    ],
    ids=["in a line before", "in the same line", "elsewhere"],
)
def test_a_connection_that_a_variable_keeps_is_blamed_on_the_line_that_took_it(source: str, line: int) -> None:
    calls = (f"_do_get {SITE}/sqlalchemy/pool/impl.py:166", f"totals {APP}:9", *REQUEST)
    seen = evidence(MAIN, Thread("Thread-2", calls, call="futex", tid=11), source=source)
    lent = Lent("app.exports._open[…].connection", "_open", APP, "sqlalchemy.engine.Connection", 5)
    (first, *_) = diagnose(replace(seen, tasks=(TaskLook(PID, 4.5, "3.11", lent=(lent,)),))).findings
    assert first.cause == "pool-exhausted" and first.culprit is not None
    assert first.culprit.line == line
