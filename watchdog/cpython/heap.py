"""Every object that the garbage collector tracks, found by walking its lists.

The process goes on meanwhile, so a list may break under the walk; what was seen until then is true, and the break is
counted. Objects that the collector does not track (str, int, bytes, tuples and dicts of such) are not seen.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from watchdog.cpython.objects import Objects, plausible
from watchdog.cpython.offsets import GC_COLLECTING, GC_GENERATION, GC_GENERATIONS, GC_HEAD, GC_PERMANENT
from watchdog.system.clock import Deadline
from watchdog.system.memory import Unmapped

_LINK = struct.Struct("<QQQQ")  # next, previous, reference count, type
_LOOK_AT_CLOCK = 4096  # objects between two looks


@dataclass(slots=True)
class Heap:
    """What one walk saw."""

    counts: dict[int, int] = field(default_factory=dict)  # by address of the type
    found: dict[int, list[int]] = field(default_factory=dict)  # objects of the wanted types
    total: int = 0
    broken: int = 0  # lists that could not be walked to their end
    cut: bool = False  # the time was over before the end
    collecting: bool = False  # the collector was at work


def walk(objects: Objects, interpreter: int, wanted: Callable[[int], bool], deadline: Deadline) -> Heap:
    """One walk; `wanted` is asked once a type whether its objects are to be kept."""
    gc = interpreter + objects.offsets.interpreter_gc
    heap = Heap()
    seen: set[int] = set()
    try:
        heap.collecting = struct.unpack("<i", objects.memory.read(gc + GC_COLLECTING, 4))[0] == 1
    except Unmapped:
        heap.broken += 1
    heads = [gc + GC_GENERATIONS + GC_GENERATION * place for place in range(3)] + [gc + GC_PERMANENT]
    for head in heads:
        if heap.cut:
            break
        if not _walk_list(objects, head, wanted, deadline, heap, seen):
            heap.broken += 1
    return heap


def _walk_list(
    objects: Objects, head: int, wanted: Callable[[int], bool], deadline: Deadline, heap: Heap, seen: set[int]
) -> bool:
    """Whether the list was whole."""
    unpack, counts, kept = objects.memory.unpack, heap.counts, heap.found
    left = _LOOK_AT_CLOCK
    try:
        here = objects.word(head) & ~7
        while here != head:
            following, _previous, _references, type_ = unpack(_LINK, here)
            if here in seen or not following:
                return False
            seen.add(here)
            if type_ not in counts:
                if not objects.type_name(type_):
                    return False
                counts[type_] = 0
                if wanted(type_):
                    kept[type_] = []
            counts[type_] += 1
            heap.total += 1
            if type_ in kept:
                kept[type_].append(here + GC_HEAD)
            here = following & ~7
            left -= 1
            if not left:
                left = _LOOK_AT_CLOCK
                if deadline.over:
                    heap.cut = True
                    return True
    except Unmapped:
        return False
    return True


def looks_like_lists(objects: Objects, interpreter: int, offset: int) -> bool:
    """Whether the three lists of the collector really begin at this place: each head's neighbours point back at it.

    One of the three may be in motion: the process goes on between our reads, or it collects just now.
    """
    whole = 0
    try:
        for place in range(3):
            head = interpreter + offset + GC_GENERATIONS + GC_GENERATION * place
            following, previous, counts, _next = objects.memory.unpack(_LINK, head)
            following, previous = following & ~7, previous & ~7
            if not (plausible(following) and plausible(previous)):
                return False
            if counts >> 63 or counts & 1 << 31:  # threshold and count, 32 bits each, never negative
                return False
            behind, before = objects.word(following + 8) & ~7, objects.word(previous) & ~7
            whole += behind == head and before == head
    except Unmapped:
        return False
    return whole >= 2
