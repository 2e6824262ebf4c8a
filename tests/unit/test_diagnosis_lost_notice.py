"""A pool that must have a free place is not empty; who keeps a place is found on every path; and who is starved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, AT_REST, LIB, PID, REQUEST, SITE, Thread, evidence, frame

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence, MachineLook, Task

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
PRINTERS = """
class Printers:
    def __init__(self, count):
        self.free = count
        self.changed = threading.Condition()
    def take(self):
        with self.changed:
            while not self.free:
                self.changed.wait()
            self.free -= 1
    def give(self):
        with self.changed:
            if self.free:
                self.changed.notify()
            self.free += 1
def ticket(request):
    printers.take()
    try:
        return slow_print()
    finally:
        printers.give()
"""
SILENT = PRINTERS.replace(
    "            if self.free:\n                self.changed.notify()\n", "            pass\n            pass\n"
)
NOTIFIES = PRINTERS.replace(
    "            if self.free:\n                self", "            if True:\n                self"
)
FORGETS = PRINTERS.replace(
    "    try:\n        return slow_print()\n    finally:\n        printers",
    "    if 1:\n        print()\n    if good:\n        printers",
)
TAKE = (f"wait {LIB}/threading.py:327", f"Printers.take {APP}:9", f"ticket {APP}:17", *REQUEST)


def said(seen: Evidence) -> tuple[str, int | None]:
    found = diagnose(seen)
    return found.verdict, found.findings[0].culprit.line if found.findings and found.findings[0].culprit else None


def waiting(source: str, *more: Thread) -> Evidence:
    return evidence(MAIN, Thread("Thread-2", TAKE, call="futex", tid=11), *more, source=source)


@pytest.mark.parametrize(("source", "line"), [(PRINTERS, 13), (SILENT, 15)])
def test_a_free_place_that_nobody_was_notified_of_is_a_lost_notice(source: str, line: int) -> None:
    assert said(waiting(source)) == ("await-never", line)


def test_a_place_that_somebody_has_is_taken_and_one_that_is_not_given_back_is_kept() -> None:
    prints = Thread("Thread-3", (f"slow_print {APP}:40", f"ticket {APP}:19", *REQUEST), call="futex", tid=12)
    assert diagnose(waiting(PRINTERS, prints)).verdict == "pool-exhausted"
    assert said(waiting(FORGETS)) == ("pool-exhausted", 17)


SESSIONS = """
def load(number):
    session = Session()
    found = session.execute(query, number)
    if found is None:
        later.append(session)
        return None
    session.close()
    return found
def health():
    with Session() as session:
        return session.execute(query)
"""
BY_WAITER = (f"wait {LIB}/threading.py:327", f"get {SITE}/sqlalchemy/util/queue.py:171", f"health {APP}:12", *REQUEST)


def test_who_returns_on_one_path_without_giving_back_is_named_and_not_the_one_who_waits() -> None:
    seen = evidence(MAIN, Thread("Thread-2", BY_WAITER, call="futex", tid=11), source=SESSIONS)
    assert said(seen) == ("pool-exhausted", 4)
    closes = SESSIONS.replace("later.append(session)", "session.close()")
    assert said(replace(seen, sources=evidence(MAIN, source=closes).sources)) == ("pool-exhausted", 12)


TRIO = f"{SITE}/trio"
SLOTS = """
async def quote(name):
    await slots.acquire()
    with trio.move_on_after(0.3):
        price = await ask(name)
        slots.release()
async def health():
    async with slots:
        return "ok"
"""


def test_a_task_of_trio_that_waits_for_a_place_names_who_keeps_the_places() -> None:
    loop = (f"run {TRIO}/_core/_run.py:2500", f"<module> {APP}:90")
    poll = (f"get_events {TRIO}/_core/_io_epoll.py:245", *loop)
    calls = (
        f"run_asgi {SITE}/hypercorn/app_wrappers.py:30",
        f"health {APP}:8",
        f"AsyncContextManagerMixin.__aenter__ {TRIO}/_sync.py:100",
        f"Semaphore.acquire {TRIO}/_sync.py:480",
        f"ParkingLot.park {TRIO}/_core/_parking_lot.py:200",
    )
    task = Task(PID, 1, "health", tuple(map(frame, calls)))
    seen = evidence(Thread("MainThread", poll, call="epoll_wait"), tasks=[task], source=SLOTS)
    assert said(seen) == ("pool-exhausted", 3)


@pytest.mark.parametrize(("state", "verdict"), [("R", "host-starved"), ("S", "unknown")])
def test_a_server_that_sleeps_while_a_question_is_open_is_not_starved_of_the_cpu(state: str, verdict: str) -> None:
    machine = MachineLook(
        0.0, 2, (9.0, 9.0, 9.0), 8 << 30, 4 << 30, None, None, 0, 0, pressure=(("cpu.some.avg10", 95.0),)
    )
    seen = replace(evidence(replace(MAIN, state="S")), machine=machine)
    seen = replace(
        seen, looks=tuple(_with_state(one, state if at % 3 == 0 else "S") for at, one in enumerate(seen.looks))
    )
    assert diagnose(seen).verdict == verdict


def _with_state(look, state):
    return replace(look, threads=tuple(replace(one, state=state) for one in look.threads))


JOURNAL = """
def latest():
    with open(journal) as lines:
        for line in lines:
            event = json.loads(line)
    return event
def record(event):
    with open(journal, "a") as lines:
        lines.write(event)
"""


@pytest.mark.parametrize(("mode", "verdict"), [("a", "slow-degradation"), ("w", "healthy-but-slow")])
def test_a_file_that_is_only_added_to_and_read_for_each_answer_makes_answers_slower(mode: str, verdict: str) -> None:
    reads = (f"loads {LIB}/json/__init__.py:346", f"latest {APP}:5", f"health {APP}:20", *REQUEST)
    busy = Thread("Thread-2", reads, state="R", tid=11)
    seen = evidence(MAIN, busy, health="slow", source=JOURNAL.replace('"a"', f'"{mode}"'))
    assert diagnose(seen).verdict == verdict
