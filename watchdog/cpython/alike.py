"""Ten thousand tasks at one place are one fact: a hundred are listed, and one of those counts for the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from watchdog.model.evidence import Task
from watchdog.system.clock import Deadline

_LISTED = 100  # tasks of one place


def representatives(tasks: Sequence[Task], named: Collection[str]) -> tuple[Task, ...]:
    """The tasks without most of those that stand exactly as others do, in the order that they had.

    Kept are the lowest addresses of each place, so that two looks list the same ones, and whoever is of interest by
    itself: the tasks that others wait for, and those of these names.
    """
    if len(tasks) <= _LISTED:
        return tuple(tasks)
    wanted = {address for task in tasks for address in (task.waits_for_task, *task.gathered) if address is not None}
    places: dict[object, list[Task]] = {}
    kept: set[int] = set()
    for task in sorted(tasks, key=lambda one: one.address):
        if task.address in wanted or task.name in named:
            kept.add(task.address)
        else:
            places.setdefault(_place(task), []).append(task)
    stands_for = {several[0].address: 1 + len(several[_LISTED:]) for several in places.values()}
    kept |= {task.address for several in places.values() for task in several[:_LISTED]}
    return tuple(replace(one, alike=stands_for.get(one.address, 1)) for one in tasks if one.address in kept)


def rare_first(addresses: Iterable[int], place: Callable[[int], object], deadline: Deadline) -> list[int]:
    """Tasks at a place where few stand come first: the one that holds up thousands of others is among them."""
    groups: dict[object, list[int]] = {}
    for address in addresses:
        groups.setdefault(None if deadline.over else place(address), []).append(address)
    return [address for group in sorted(groups.values(), key=len) for address in group]


def _place(task: Task) -> object:
    return task.frames, task.waits_for, task.running, task.ready, bool(task.request), bool(task.gathered), task.alone
