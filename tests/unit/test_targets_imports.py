"""What many programs have loaded is read by few children."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from canned import process

from watchdog.system.child import child_call
from watchdog.system.process import memory
from watchdog.targets import imports

MANY = 20


class Children:
    """Stand for the children that read: the first one reads until all others have asked."""

    def __init__(self, unreadable: int = 0) -> None:
        self.asked: list[tuple[int, ...]] = []
        self._unreadable, self._others = unreadable, threading.Event()

    def call(self, _: str, arguments: tuple[Any, ...], seconds: float) -> Any:
        pids = arguments[0]
        self.asked.append(pids)
        if len(self.asked) == 1:
            while len(imports._together._waiting) < MANY - len(pids):
                self._others.wait(0.001)
        if self._unreadable in pids:
            return child_call.NotDone("no answer")
        return {pid: ((f"library of {pid}",), ()) for pid in pids}


def found_by_all(children: Children, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr(child_call, "call", children.call)
    monkeypatch.setattr(memory, "READABLE", True)
    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(lambda pid: imports._imported(process(pid)), range(1, MANY + 1)))


def test_programs_that_are_looked_at_side_by_side_share_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    children = Children()
    found = found_by_all(children, monkeypatch)
    assert found == [((f"library of {pid}",), ()) for pid in range(1, MANY + 1)]
    assert len(children.asked) == 2


def test_one_program_that_cannot_be_read_takes_no_answer_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    found = found_by_all(Children(unreadable=7), monkeypatch)
    assert [pid for pid, one in enumerate(found, 1) if one is None] == [7]
