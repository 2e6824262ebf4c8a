"""Every question is answered: what of other people's requests, and of work that nobody waits for?"""

from __future__ import annotations

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import ask_behind, line_of, look, said, stands_in

from watchdog.model.causes import HEALTHY
from watchdog.model.exits import Exit
from watchdog.system.process import processes

pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
SERVER = support.SERVERS / "other_requests.py"


def any_stands_in(pid: int, function: str) -> bool:
    return any(stands_in(one, function) for one in (pid, *processes.descendants(processes.table(), pid)))


@pytest.mark.parametrize(
    ("way", "function"),
    [
        ("background", "convert"),
        ("stream", "next_event"),
        ("computing", "compute"),
        ("event", "wait_for_news"),
        ("long", "compute"),
    ],
)
def test_work_that_holds_nobody_up_is_no_fault(way: str, function: str) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        ask_behind(server, "/go")
        support.wait_for(lambda: any_stands_in(server.pid, function), f"a thread in {function}")
        _, found = look(server, within=9.0)
        assert found.verdict in HEALTHY, said(found)


@pytest.mark.parametrize(
    ("way", "function", "cause", "line"),
    [
        ("future", "wait_for_payment", "await-never", "return concurrent.futures.Future().result()"),
        ("spin", "compute_without_end", "busy-loop", None),
    ],
)
def test_requests_that_wait_while_others_are_answered_are_a_warning_with_their_line(
    way: str, function: str, cause: str, line: str | None
) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        ask_behind(server, "/go", times=3 if way == "future" else 1)
        support.wait_for(lambda: stands_in(server.pid, function), f"a thread in {function}")
        _, found = look(server)
        first = found.findings[0]
        assert (first.cause, found.exit) == (cause, Exit.WARNING), said(found)
        assert "requests wait" in first.summary or "1 request waits" in first.summary
        assert found.advice == ("call-a-person" if way == "future" else "wait")
        assert first.culprit is not None
        assert first.culprit.function == function
        assert line is None or first.culprit.line == line_of(SERVER, line)
        assert not any(one.cause in HEALTHY for one in found.findings)
