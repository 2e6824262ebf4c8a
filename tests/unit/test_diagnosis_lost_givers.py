"""Requests that wait for something which only a task can give that is over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, LIB, LOOP_AT_REST, PID, REQUEST, SERVES, SITE, Thread, evidence, frame, upstream

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Task, TaskLook
from watchdog.model.finding import Finding

LOOP = Thread("MainThread", LOOP_AT_REST, call="epoll_wait", moves=True)
CLIENT = replace(upstream(), served=True, received=80, sent=0, received_ago=30.0, sent_ago=30.0)
BEGIN = """\
async def page(request):
    job = new_future()
    jobs.put_nowait(job)
    return await job

"""
WORKER = """\
async def render():
    while True:
        job = await jobs.get()
        job.set_result("page")

"""
STARTED_AT_ONCE = """\
async def main():
    tasks.append(asyncio.create_task(render()))
    await serve(page)
asyncio.run(main())
"""
STARTED_BY_HOOK = """\
@app.on_event("startup")
async def start():
    app.renderer = asyncio.create_task(render())
"""
STARTED_BY_LIST = """\
async def start(app):
    app.renderer = asyncio.create_task(render())
app = Application(on_startup=[start])
"""
STARTED_BY_APPEND = STARTED_BY_LIST.replace(
    "Application(on_startup=[start])", "Application()\napp.on_startup.append(start)"
)
STARTED_BY_OBJECT = """\
class Renderer:
    def __init__(self):
        self.task = asyncio.ensure_future(render())
async def main():
    renderer = Renderer()
    await serve(page)
asyncio.run(main())
"""
STARTED_BY_REQUEST = """\
async def settings(request):
    asyncio.create_task(render())
"""
STARTED_AGAIN = """\
async def main():
    while True:
        asyncio.create_task(render())
        await asyncio.sleep(60)
asyncio.run(main())
"""
PUBLISHES = """\
async def publish(request):
    waiting.pop().set_result(request.news)
"""
HANDED = """\
def arrived(news):
    waiting.pop().set_result(news)
client.on_message(arrived)
"""
BESIDE = """\
async def page(request):
    job = new_future()
    asyncio.create_task(render(job))
    return await job
async def render(job):
    job.set_result(await text())
"""


def first(source: str, *others: Task) -> Finding:
    line = source.splitlines().index("    return await job") + 1
    calls = (frame(f"start {SITE}/aiohttp/web_protocol.py:500"), frame(f"page {APP}:{line}"))
    main = next((n for n, text in enumerate(source.splitlines(), 1) if "serve(page)" in text or "sleep(60)" in text), 0)
    stands = [Task(PID, 8, "Task-1", (frame(f"main {APP}:{main}"),), "_asyncio.Future")] if main else []
    asks = Task(PID, 9, "Task-9", calls, "_asyncio.Future")
    seen = evidence(LOOP, source=source, health="well", connections=[CLIENT], tasks=[asks, *stands, *others])
    return diagnose(seen).findings[0]


@pytest.mark.parametrize(
    "begins", [STARTED_AT_ONCE, STARTED_BY_HOOK, STARTED_BY_LIST, STARTED_BY_APPEND, STARTED_BY_OBJECT]
)
def test_a_result_that_only_a_background_task_gives_is_lost_once_that_task_is_over(begins: str) -> None:
    found = first(BEGIN + WORKER + begins)
    assert (found.cause, found.certainty) == ("await-never", "likely")
    assert "render" in found.summary


def test_a_result_that_a_living_background_task_may_give_is_not_lost() -> None:
    source = BEGIN + WORKER + STARTED_AT_ONCE
    line = source.splitlines().index("        job = await jobs.get()") + 1
    lives = Task(PID, 10, "Task-2", (frame(f"render {APP}:{line}"),), "_asyncio.Future")
    assert first(source, lives).cause == "healthy"


@pytest.mark.parametrize("gives", [PUBLISHES, HANDED, WORKER + STARTED_BY_REQUEST, WORKER + STARTED_AGAIN, ""])
def test_a_long_poll_that_another_request_or_a_message_may_end_is_healthy(gives: str) -> None:
    assert first(BEGIN + gives).cause == "healthy"


def test_the_work_of_one_request_that_ended_without_a_result_is_lost() -> None:
    found = first(BESIDE)
    assert found.cause == "await-never"
    assert "render" in found.summary


OF_THREADS = """\
def page():
    done = threading.Event()
    jobs.put(done)
    done.wait()
def render():
    while True:
        job = jobs.get()
        job.set()
"""
STARTS_THREAD = "threading.Thread(target=render, daemon=True).start()\nserve(page)\n"
SETS = "def publish():\n    waiting.pop().set()\n"


@pytest.mark.parametrize(("more", "lost"), [(STARTS_THREAD, True), (STARTS_THREAD + SETS, False), (SETS, False)])
def test_a_thread_waits_for_ever_for_a_sign_that_only_a_dead_thread_gives(more: str, lost: bool) -> None:
    calls = (f"wait {LIB}/threading.py:327", f"wait {LIB}/threading.py:629", f"page {APP}:4", *REQUEST)
    waits = Thread("handler", calls, call="futex", asleep=20.0)
    main = Thread("MainThread", (f"select {LIB}/selectors.py:415", *SERVES), call="poll")
    found = diagnose(evidence(main, waits, source=OF_THREADS + more, health="well", connections=[CLIENT])).findings[0]
    assert found.cause == ("await-never" if lost else "healthy")
    assert not lost or "render" in found.summary


@pytest.mark.parametrize(("left", "cause"), [(1_700_000.0, "await-never"), (30.0, "healthy")])
def test_a_request_that_sleeps_for_hours_never_gets_its_answer(left: float, cause: str) -> None:
    sleeps = Thread("handler", (f"retry {APP}:4", *REQUEST), call="clock_nanosleep", asleep=20.0, sleep_left=left)
    main = Thread("MainThread", (f"select {LIB}/selectors.py:415", *SERVES), call="poll")
    found = diagnose(evidence(main, sleeps, health="well", connections=[CLIENT])).findings[0]
    assert found.cause == cause


@pytest.mark.parametrize(("more", "cause"), [("", "await-never"), ("import weakref\n", "healthy")])
def test_a_task_waits_for_ever_for_a_sign_that_nobody_else_has(more: str, cause: str) -> None:
    source = BEGIN + PUBLISHES + more
    line = source.splitlines().index("    return await job") + 1
    calls = (frame(f"start {SITE}/aiohttp/web_protocol.py:500"), frame(f"page {APP}:{line}"))
    asks = Task(PID, 9, "Task-9", calls, "_asyncio.Future", alone=True)
    found = diagnose(evidence(LOOP, source=source, health="well", connections=[CLIENT], tasks=[asks])).findings[0]
    assert found.cause == cause
    assert cause == "healthy" or "nothing else in the process refers to it" in found.summary


def test_the_sign_by_which_a_program_keeps_running_is_no_fault() -> None:
    source = "async def main():\n    await serve(page)\n    await asyncio.Event().wait()\nasyncio.run(main())\n"
    rests = Task(
        PID, 9, "Task-1", (frame(f"main {APP}:3"), frame(f"Event.wait {LIB}/asyncio/locks.py:213")), alone=True
    )
    assert (
        diagnose(evidence(LOOP, source=source, health="well", connections=[CLIENT], tasks=[rests])).verdict == "healthy"
    )


@pytest.mark.parametrize(("alone", "cause"), [((11,), "await-never"), ((), "healthy")])
def test_a_thread_waits_for_ever_for_a_sign_that_nobody_else_has_whoever_is_at_work(
    alone: tuple[int, ...], cause: str
) -> None:
    calls = (f"wait {LIB}/threading.py:327", f"wait {LIB}/threading.py:629", f"page {APP}:4", *REQUEST)
    waits = Thread("handler", calls, call="futex", asleep=20.0, tid=11)
    works = Thread("renderer", (f"render {APP}:8", f"run {LIB}/threading.py:982"), state="R", tid=12)
    main = Thread("MainThread", (f"select {LIB}/selectors.py:415", *SERVES), call="poll")
    seen = evidence(main, waits, works, source=OF_THREADS + STARTS_THREAD, health="well", connections=[CLIENT])
    found = diagnose(replace(seen, tasks=(TaskLook(PID, 0.5, "3.11", alone=alone),)))
    causes = [one.cause for one in found.findings]
    assert ("await-never" in causes) == (cause == "await-never"), causes
