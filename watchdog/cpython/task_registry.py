"""The tasks that asyncio itself keeps account of: found at once, however many objects there are besides.

asyncio keeps weak references to all tasks in a module's variable; from 3.14 on only to those of other makes than its
own (`asyncio_table.py` has the rest). The walk over all objects finds the same tasks, but may run out of time in a
process with many millions of objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from watchdog.cpython.objects import Objects, plausible
from watchdog.cpython.offsets import SET_MASK, SET_TABLE
from watchdog.system.process.memory import Unmapped

_VARIABLES = ("_scheduled_tasks", "_all_tasks", "_eager_tasks")
_ENTRY = 16
_REFERENCE = 16  # where a weak reference keeps its object
_LARGEST = 1 << 20
MOST = 20_000  # tasks: a set has no order, so the first are as good as any


def registered_tasks(objects: Objects, interpreter: int) -> list[int]:
    """Addresses of what stands in asyncio's account; empty if the process has not imported asyncio."""
    try:
        modules = objects.word(interpreter + objects.offsets.interpreter_modules)
        tasks = objects.lookup(modules, "asyncio.tasks")
        found: dict[int, None] = {}
        for name in _VARIABLES if tasks else ():
            kept = objects.attribute(tasks, name) if tasks else None
            inside = objects.attribute(kept, "data") if kept and objects.kind(kept) == "WeakSet" else kept
            if inside and objects.kind(inside) == "set":
                found.update(dict.fromkeys(islice(members(objects, inside), MOST)))
        return list(found)
    except Unmapped:
        return []


def imported(objects: Objects, interpreter: int, names: Iterable[str]) -> bool:
    """Whether one of these modules has been imported."""
    try:
        modules = objects.word(interpreter + objects.offsets.interpreter_modules)
        return any(objects.lookup(modules, name) for name in names)
    except Unmapped:
        return False


def members(objects: Objects, kept: int) -> Iterator[int]:
    """Addresses of what a set has, or refers to weakly."""
    table, mask = objects.word(kept + SET_TABLE), objects.word(kept + SET_MASK)
    for place in range(min(mask + 1, _LARGEST)):
        entry = objects.word(table + place * _ENTRY)
        if not plausible(entry):
            continue
        if objects.kind(entry) == "weakref.ReferenceType":
            entry = objects.word(entry + _REFERENCE)
        if plausible(entry):
            yield entry
