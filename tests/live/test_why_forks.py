"""Children that were forked in a request: the calls of their parent are not theirs."""

from __future__ import annotations

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER, interpreters, script
from looks import ask_behind, line_of, look, provoke, said, stands_in

from watchdog.evidence.tasks import read_tasks
from watchdog.system.process import processes

pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
SERVER = support.SERVERS / "forks.py"
EACH = pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())


def children(pid: int) -> list[int]:
    return list(processes.descendants(processes.table(), pid))


@pytest.mark.parametrize("way", ["pool", "manager", "raw", "executor"])
def test_idle_children_that_a_request_forked_serve_no_request(way: str) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        provoke(f"{server.url}/go")
        support.wait_for(lambda: children(server.pid), "a child")
        seen, found = look(server, within=8.0)
        assert found.verdict == "healthy", said(found)
        asked = [text for one in seen.tasks if one.pid != server.pid for _, text in one.requests]
        assert asked == []
        assert [task for one in seen.tasks if one.pid != server.pid for task in one.tasks] == []


def test_a_child_that_computes_for_ever_is_blamed_at_its_own_line() -> None:
    with support.running(str(SERVER), "{port}", "spinning") as server:
        ask_behind(server, "/go")
        support.wait_for(lambda: any(stands_in(pid, "child_spins") for pid in children(server.pid)), "it spins")
        seen, _ = look(server, within=5.0)
        (child,) = children(server.pid)
        born = next(one.born for one in seen.tasks if one.pid == child)
        assert born is not None
        assert born.function.rpartition(".")[2] == "spinning"
        assert born.line == line_of(SERVER, "        child_spins()")


@EACH
def test_the_call_that_forked_a_process_is_known_on_every_python(python: str) -> None:
    with script(python, "forked_twice.py") as (_, line):
        parent, child, grandchild = map(int, line.split())
        born = {pid: read_tasks(pid, 0.0, 20.0).born for pid in (parent, child, grandchild)}
        assert born[parent] is None
        assert [one.function for one in (born[child], born[grandchild]) if one] == ["first", "second"]
