"""A kill ends in a time that is known before, also where nobody has given it a limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from watchdog.killing import ladder
from watchdog.model.killing import KillResult
from watchdog.model.selector import Selector
from watchdog.steps import kill
from watchdog.steps.spec import Context
from watchdog.system import clock


class Clock:
    """Stands still until somebody takes time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(clock, "monotonic", made.monotonic)
    return made


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(Selector(port=8000), lambda line: None, lambda question: False, tmp_path, tmp_path)


@pytest.mark.parametrize(("grace", "drain"), [(5.0, 0.0), (0.5, 0.0), (120.0, 0.0), (5.0, 300.0)])
def test_one_server_gets_its_whole_grace_and_proof(
    grace: float, drain: float, context: Context, stopped: Clock
) -> None:
    usual = ladder.Times()
    with kill._limit(context, {"grace": grace, "drain": drain}):
        stopped.now += drain
        times = kill._times(context)
    assert times.grace >= grace
    assert (times.finish, times.ports) == (usual.finish, usual.ports)


def test_many_servers_that_do_not_end_share_one_limit(
    context: Context, stopped: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(plan: Any, say: Any, times: ladder.Times, freezer: Any) -> KillResult:
        stopped.now += min(5.0, times.grace) + times.finish + times.ports
        return KillResult("failed", message="still there")

    class Plan:
        worker = None

        class tree:
            class root:
                parent = 0

    monkeypatch.setattr(ladder, "execute", slow)
    monkeypatch.setattr(kill, "_let_go_of_sockets", lambda plans: None)
    with kill._limit(context, {"grace": 5.0}):
        kill._execute(context, [Plan() for _ in range(10)], None)  # type: ignore[misc]
    assert stopped.now - 1000.0 < 100.0
    assert context.deadline is None


def test_a_limit_that_was_given_stays(context: Context, stopped: Clock) -> None:
    context.deadline = 1003.0
    with kill._limit(context, {"grace": 5.0}):
        assert context.deadline == 1003.0
    assert context.deadline == 1003.0
