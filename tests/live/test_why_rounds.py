"""A loop that goes round without getting on: seen in its variables, in requests, and in children that work for them."""

from __future__ import annotations

import time
from collections import Counter

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER, interpreters, script
from looks import ask_behind, line_of, look, said, stands_in

from watchdog.evidence.tasks import read_tasks
from watchdog.system.process import processes

pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
SERVER = support.SERVERS / "given_to_children.py"
EACH = pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())


def usual_share(pid: int, function: str) -> float:
    """Of two readings apart in time: the share of the state of this call that was seen most. 0: none was known."""
    first = read_tasks(pid, 0.0, 20.0)
    time.sleep(0.3)
    states = [one for look in (first, read_tasks(pid, 0.3, 20.0)) for one in look.states]
    seen = Counter(one.digest for one in states if one.function.rpartition(".")[2] == function)
    return seen.most_common(1)[0][1] / seen.total() if seen else 0.0


@EACH
@pytest.mark.parametrize("way", ["years", "premium", "stands"])
def test_a_loop_that_comes_back_to_the_same_variables_shows_the_same_state_again(python: str, way: str) -> None:
    with script(python, "going_round.py", way) as (process, _):
        support.wait_for(lambda: usual_share(process.pid, way) > 0.6, "the same state again")


@EACH
@pytest.mark.parametrize(("way", "function"), [("counts", "counts"), ("attribute", "counts"), ("again", "premium")])
def test_a_loop_that_gets_on_or_is_begun_again_shows_other_states(python: str, way: str, function: str) -> None:
    with script(python, "going_round.py", way) as (process, _):
        support.wait_for(lambda: usual_share(process.pid, function) > 0.0, "its variables")
        assert usual_share(process.pid, function) <= 0.5


@pytest.mark.parametrize(
    ("way", "work"),
    [
        ("executor", "endless"),
        ("pool", "endless"),
        ("program", "endless"),
        ("loop", "endless"),
        ("loop", "turning"),
        ("loop", "walking"),
    ],
)
def test_a_child_without_an_end_that_requests_wait_for_is_a_warning_at_its_line(way: str, work: str) -> None:
    with support.running(str(SERVER), "{port}", way, work) as server:
        ask_behind(server, "/go", times=2)
        support.wait_for(lambda: any(stands_in(pid, work) for pid in children(server.pid)), "it computes")
        _, found = look(server)
        first = found.findings[0]
        assert (first.cause, first.warns) == ("busy-loop", True), said(found)
        assert first.culprit is not None
        begin = line_of(SERVER, f"def {work}(")
        assert begin < first.culprit.line <= begin + 5


@pytest.mark.parametrize(
    ("way", "work"),
    [("executor", "honest"), ("pool", "honest"), ("program", "honest"), ("loop", "honest"), ("jobs", "countdown")],
)
def test_a_child_that_gets_on_with_long_work_is_at_work(way: str, work: str) -> None:
    with support.running(str(SERVER), "{port}", way, work) as server:
        ask_behind(server, "/go")
        support.wait_for(lambda: any(stands_in(pid, work) for pid in children(server.pid)), "it computes")
        _, found = look(server)
        assert found.verdict in ("healthy", "healthy-busy"), said(found)


def children(pid: int) -> list[int]:
    return list(processes.descendants(processes.table(), pid))


@pytest.mark.parametrize(("way", "hangs"), [("keeps", True), ("gives", False)])
def test_a_c_function_that_waits_with_the_interpreters_lock_is_named_and_one_without_is_not(
    way: str, hangs: bool
) -> None:
    server_file = support.SERVERS / "keeps_interpreter.py"
    with support.running(str(server_file), "{port}", way) as server:
        ask_behind(server, "/go")
        support.wait_for(lambda: stands_in(server.pid, "weigh"), "it waits")
        _, found = look(server)
        assert ("gil-held-native" in [one.cause for one in found.findings]) is hangs, said(found)
        if hangs:
            assert found.findings[0].culprit is not None
            assert found.findings[0].culprit.line == line_of(server_file, "return library.read")
