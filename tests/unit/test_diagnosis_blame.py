"""Whose line is to blame: not where the requests wait, but where what they wait for was taken, lost or cleared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, AT_REST, LIB, LOOP_AT_REST, PID, REQUEST, SITE, Thread, evidence, frame

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence, FailedTask, Task, TaskLook
from watchdog.model.finding import Finding

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)


def first(seen: Evidence) -> Finding:
    return diagnose(seen).findings[0]


def waiting(source: str, *calls: str) -> Evidence:
    """A server with one request that waits there."""
    return evidence(MAIN, Thread("Thread-2", (*calls, *REQUEST), call="futex", tid=11), source=source)


CATALOG = """
def run(self):
    while True:
        self.wanted.wait()
        self.wanted.clear()
        self.loaded.set()

def reload(self):
    self.wanted.set()
    self.loaded.clear()

def prices(self):
    self.loaded.wait()
"""


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (CATALOG, 10),
        (
            CATALOG.replace("self.wanted.set()\n    self.loaded.clear()", "self.loaded.clear()\n    self.wanted.set()"),
            13,
        ),
        (CATALOG.replace("    self.wanted.set()\n", "\n"), 13),
    ],
    ids=["asked, then cleared", "cleared, then asked", "only cleared"],
)
def test_an_event_that_is_cleared_after_it_was_asked_for_is_blamed_on_the_line_that_clears_it(
    source: str, line: int
) -> None:
    seen = waiting(source, f"wait {LIB}/threading.py:327", f"wait {LIB}/threading.py:629", f"prices {APP}:13")
    found = first(seen)
    assert (found.cause, found.culprit and found.culprit.line) == ("await-never", line)


CLOSE = "    database.close()"
CONNECTIONS = """
def load(rows):
    database.connect()
    for row in rows:
        insert(row)
    database.close()

def contacts():
    with database.connection_context():
        return list(Contact)
"""


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (CONNECTIONS, 3),
        (CONNECTIONS.replace("    for row", "    try:\n     for row").replace(CLOSE, f"    finally:\n    {CLOSE}"), 11),
        (CONNECTIONS.replace("    database.connect()", "    archive.connect()"), 9),
    ],
    ids=["given back if nothing goes wrong", "given back on every path", "another pool"],
)  # fmt: skip
def test_a_connection_that_comes_back_only_if_nothing_goes_wrong_is_to_blame_for_the_empty_pool(
    source: str, line: int
) -> None:
    at = source.splitlines().index("    with database.connection_context():") + 1
    seen = waiting(
        source, f"wait {LIB}/threading.py:327", f"_do_get {SITE}/sqlalchemy/pool/impl.py:166", f"contacts {APP}:{at}"
    )
    found = first(seen)
    assert (found.cause, found.culprit and found.culprit.line) == ("pool-exhausted", line)


LEAVE = "    self.throttle.leave()"
THROTTLE = """
async def enter(self):
    await self.places.acquire()

def leave(self):
    self.places.release()

async def download(self, path):
    await self.throttle.enter()
    reply = await self.client.get(path)
    self.throttle.leave()
    return reply

async def health(self):
    await self.throttle.enter()
    try:
        return await self.client.get("/")
    finally:
        self.throttle.leave()
"""
SCORER = """
async def score(self, order):
    self.orders.put_nowait(order)
    return await order.result

async def consume(self):
    while True:
        order = await self.orders.get()
        order.result.set_result(predict(order))

def predict(order):
    return TARIFF[order.kind]

def start(self):
    self.task = asyncio.create_task(self.consume())

if __name__ == "__main__":
    start(scorer)
"""


def suspended(source: str, *frames: str, failed: tuple[FailedTask, ...] = ()) -> Evidence:
    """An event loop that idles while a request is suspended there, outermost first."""
    calls = (f"run_asgi {SITE}/uvicorn/protocols/http/h11_impl.py:411", *frames)
    task = Task(PID, 1, "Task-3", tuple(map(frame, calls)), "_asyncio.Future", request="GET /page")
    seen = evidence(Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True), source=source)
    return replace(seen, tasks=(TaskLook(PID, 4.5, "3.11", tasks=(task,), failed=failed),))


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (THROTTLE, 9),
        (THROTTLE.replace("    reply", "    try: reply").replace(LEAVE, "    finally:\n    " + LEAVE, 1), 3),
    ],
    ids=["left if nothing goes wrong", "left on every path"],
)
def test_a_place_behind_a_function_of_the_application_is_blamed_on_who_does_not_give_it_back(
    source: str, line: int
) -> None:
    found = first(
        suspended(source, f"health {APP}:15", f"enter {APP}:3", f"Semaphore.acquire {LIB}/asyncio/locks.py:386")
    )
    assert found.culprit is not None and found.culprit.line == line


def test_a_result_whose_giver_has_died_is_blamed_on_the_line_where_it_died() -> None:
    died = FailedTask(PID, "KeyError", (frame(f"predict {APP}:12"), frame(f"consume {APP}:9")))
    found = first(suspended(SCORER, f"score {APP}:4", failed=(died,)))
    assert (found.cause, found.culprit and found.culprit.line) == ("await-never", 12)
    assert "consume (server.py:6) would give it, and has died of KeyError" in found.summary


def test_a_result_whose_giver_is_over_for_an_unknown_reason_is_blamed_on_the_line_that_waits() -> None:
    found = first(suspended(SCORER, f"score {APP}:4"))
    assert (found.cause, found.culprit and found.culprit.line) == ("await-never", 4)
