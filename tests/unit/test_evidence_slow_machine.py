"""On a slow machine, two looks at the calls come before all else that could be looked at."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

from watchdog.evidence import files_open, session, stacks
from watchdog.evidence import gather as gathering
from watchdog.evidence.gather import gather
from watchdog.model.evidence import Configured, Frame, StackLook, ThreadStack
from watchdog.model.open_files import Descriptor
from watchdog.model.process import Member, Tree
from watchdog.system.process import processes

_PATIENCE = 10.0  # seconds, where a test fails


def own_tree() -> Tree:
    process = processes.read(os.getpid())
    assert process is not None
    return Tree((Member(process, "main"),))


def replaced(monkeypatch: pytest.MonkeyPatch, at_dump: Callable[[], object], at_files: Callable[[], object]) -> None:
    """In place of py-spy and of the look at open files; nobody is asked anything."""

    def dump(pid: int, at: float = 0.0, **_: object) -> StackLook:
        if pid == os.getpid():  # the tests' own children are its tree, too
            at_dump()
        calls = (Frame("hang", "/srv/shop/server.py", 11),)
        return StackLook(pid, at, (ThreadStack(pid, pid, pid, "MainThread", calls),))

    def files(*_: object) -> tuple[Descriptor, ...]:
        at_files()
        return ()

    monkeypatch.setattr(stacks, "dump", dump)
    monkeypatch.setattr(files_open, "look", files)
    monkeypatch.setattr(session, "places", lambda *_: ())


def test_open_files_that_come_late_keep_no_look_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    twice, in_time, dumps = threading.Event(), list[bool](), list[int]()

    def dumped() -> None:
        dumps.append(1)
        if len(dumps) > 1:
            twice.set()

    replaced(monkeypatch, dumped, lambda: in_time.append(twice.wait(_PATIENCE)))
    gather(own_tree(), Configured(), _PATIENCE / 2, enough=2.0)
    assert twice.is_set()
    assert all(in_time)


def test_where_a_look_takes_long_the_second_one_comes_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def slow_dump() -> None:
        time.sleep(0.3)
        order.append("calls")

    replaced(monkeypatch, slow_dump, lambda: order.append("files"))
    gather(own_tree(), Configured(), 4.0)
    assert order[:3] == ["calls", "calls", "files"]


def test_a_short_look_on_a_quick_machine_begins_with_all_that_there_is_to_see(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop looks for a third of a second while it counts: a twentieth of that is not slow."""
    order: list[str] = []
    replaced(monkeypatch, lambda: order.append("calls"), lambda: order.append("files"))
    monkeypatch.setattr(gathering, "_SLOW", _PATIENCE)
    gather(own_tree(), Configured(), 0.35)
    assert order[:2] == ["calls", "files"]
