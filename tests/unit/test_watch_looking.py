"""Who the service is, look after look."""

from __future__ import annotations

import os

import pytest

from watchdog.model.playbook import Playbook
from watchdog.model.process import Member, Tree
from watchdog.model.selector import Selector
from watchdog.system.process import processes
from watchdog.targets.resolve import Found
from watchdog.watch import looking
from watchdog.watch.watched import Watched


def living() -> Tree:
    found = processes.read(os.getpid())
    assert found is not None
    return Tree((Member(found, "main"),))


@pytest.mark.parametrize(("port", "kept"), [(None, True), (8000, False)])
def test_a_program_without_a_port_is_not_gone_because_its_command_line_could_not_be_read(
    port: int | None, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "look", lambda *asked: Found((), ()))
    watched = Watched(Playbook("queue", Selector(port=port, cmdline=("worker.py",))), tree=living())
    assert (looking.refresh(watched) is not None) is kept
    assert looking.runs_nowhere(watched) is (not kept and watched.last_members is not None)
