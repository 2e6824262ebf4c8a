"""Threads that were started before the fork: a worker that waits for one waits for ever."""

from __future__ import annotations

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER, interpreters, script
from looks import line_of, look, said

from watchdog.evidence.tasks import read_tasks

SERVER = support.SERVERS / "lost_threads.py"
pytestmark = NEEDS_RIGHT


@NEEDS_TRACER
@pytest.mark.parametrize(
    ("way", "name", "line"),
    [
        ("full", "write", "    records.put(2)"),
        ("answer", "work", "    done.wait()"),
        ("executor", "ThreadPoolExecutor-0_0", '    pool.submit(len, "ok").result()'),
        ("loop", "run_forever", "    asyncio.run_coroutine_threadsafe(total(), loop).result()"),
    ],
)
def test_a_worker_that_waits_for_a_thread_of_its_parent_names_that_thread(way: str, name: str, line: str) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        _, found = look(server)
        first = found.findings[0]
        assert first.cause == "fork-lock", said(found)
        assert f"the thread {name!r}" in first.summary
        assert f"was started in process {server.pid} before the fork" in first.summary
        assert first.advice == "call-a-person"
        assert first.culprit is not None
        assert first.culprit.line == line_of(SERVER, line)


@NEEDS_TRACER
@pytest.mark.parametrize("way", ["again", "unused"])
def test_a_worker_that_starts_its_threads_again_or_needs_none_is_healthy(way: str) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        _, found = look(server, within=8.0, limit=5.0)
        assert found.verdict == "healthy", said(found)


@pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())
def test_the_lost_threads_of_a_forked_process_are_known_on_every_python(python: str) -> None:
    with script(python, "forked_threads.py") as (_, line):
        parent, child = map(int, line.split())
        assert read_tasks(parent, 0.0, 20.0).lost == ()
        lost = {one.name: one for one in read_tasks(child, 0.0, 20.0).lost}
        assert lost.keys() == {"drains", "own"}
        assert (lost["drains"].target.function, lost["drains"].certain) == ("drain", True)
        assert lost["own"].target.function.endswith("run")
        assert not lost["own"].certain
