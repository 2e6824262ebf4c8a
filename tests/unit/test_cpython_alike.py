"""Thousands of tasks at one place: a hundred are listed, nobody of interest is missing, and the count stays."""

from __future__ import annotations

from watchdog.cpython.alike import rare_first, representatives
from watchdog.model.evidence import Frame, Task
from watchdog.system.clock import Deadline

HERE, THERE = Frame("wait", "/srv/shop/server.py", 8), Frame("fetch", "/srv/shop/server.py", 30)


def tasks(count: int, frame: Frame = HERE, begin: int = 0) -> list[Task]:
    return [Task(1, number, f"Task-{number}", (frame,)) for number in range(begin, begin + count)]


def test_a_few_tasks_are_all_listed() -> None:
    assert representatives(tasks(100), ()) == tuple(tasks(100))


def test_of_many_alike_a_hundred_are_listed_and_all_are_counted() -> None:
    listed = representatives([*tasks(5000), *tasks(3, THERE, 9000)], ())
    assert len(listed) == 103
    assert sum(one.alike for one in listed) == 5003
    assert [one.name for one in listed if one.frames == (THERE,)] == ["Task-9000", "Task-9001", "Task-9002"]


def test_two_looks_list_the_same_tasks_whatever_the_order() -> None:
    one, other = representatives(tasks(500), ()), representatives(tasks(500)[::-1], ())
    assert {task.address for task in one} == {task.address for task in other}


def test_who_holds_a_lock_and_who_is_waited_for_is_always_listed() -> None:
    waits = Task(1, 7000, "waits", (THERE,), waits_for_task=4321)
    gathers = Task(1, 7001, "gathers", (THERE,), gathered=(4400, 4401))
    listed = {one.address for one in representatives([*tasks(5000), waits, gathers], {"Task-4999"})}
    assert {4321, 4400, 4401, 4999} <= listed


def test_a_task_at_a_place_of_its_own_is_read_before_the_thousands_at_another() -> None:
    assert rare_first(range(5000), lambda address: address == 4321, Deadline(60))[0] == 4321


def test_without_time_to_look_where_they_stand_no_task_is_lost() -> None:
    assert sorted(rare_first(range(5000), lambda address: address, Deadline(0))) == list(range(5000))
