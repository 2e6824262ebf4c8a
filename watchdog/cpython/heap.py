"""Every object that the garbage collector tracks, found by walking its lists.

The process goes on meanwhile, so a list may break under the walk; what was seen until then is true, and the break is
counted. Objects that the collector does not track (str, int, bytes, tuples and dicts of such) are not seen.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import field

from watchdog.cpython.objects import Objects, plausible
from watchdog.cpython.offsets import GC_GENERATION, GC_GENERATIONS, GC_HEAD
from watchdog.model.records import record
from watchdog.system.clock import Deadline
from watchdog.system.process.memory import Unmapped

_LINK = struct.Struct("<QQQQ")  # next, previous, reference count, type
_LOOK_AT_CLOCK = 4096  # objects between two looks
_TRIES = 3  # of one list


@record
class Heap:
    """What one walk saw."""

    counts: dict[int, int] = field(default_factory=dict)  # by address of the type
    found: dict[int, list[int]] = field(default_factory=dict)  # objects of the wanted types
    total: int = 0
    broken: int = 0  # lists that could not be walked to their end
    cut: bool = False  # the time was over before the end
    collecting: bool = False  # the collector was at work


def walk(objects: Objects, interpreter: int, wanted: Callable[[int], int], deadline: Deadline) -> Heap:
    """One walk; `wanted` is asked once a type how many of its objects are to be kept.

    A list that breaks is walked again, since what has just been made stands in the list that changes most.
    """
    gc = interpreter + objects.offsets.interpreter_gc
    whole = Heap()
    try:
        whole.collecting = struct.unpack("<i", objects.memory.read(gc + objects.offsets.gc_collecting, 4))[0] == 1
    except Unmapped:
        whole.broken += 1
    generations = [gc + GC_GENERATIONS + GC_GENERATION * place for place in range(3)]
    for head in [*generations, gc + objects.offsets.gc_permanent]:
        tries: list[Heap] = []
        while len(tries) < _TRIES and not whole.cut:
            tries.append(_walk_list(objects, head, wanted, deadline))
            whole.cut = tries[-1].cut
            if not tries[-1].broken:
                break
            objects.memory.forget()
        if tries:
            _add(whole, tries)
    return whole


def merged(parts: Iterable[Heap]) -> Heap:
    """The heaps of several interpreters of one process as one."""
    whole = Heap()
    for part in parts:
        _add(whole, [part])
        whole.cut |= part.cut
        whole.collecting |= part.collecting
    return whole


def _add(whole: Heap, tries: list[Heap]) -> None:
    """Counts of the try that saw most, objects of all of them."""
    largest = max(tries, key=lambda one: one.total)
    for type_, count in largest.counts.items():
        whole.counts[type_] = whole.counts.get(type_, 0) + count
    for one in tries:
        for type_, found in one.found.items():
            known = whole.found.setdefault(type_, [])
            known += set(found).difference(known) if known else found
    whole.total += largest.total
    whole.broken += tries[-1].broken


def _walk_list(objects: Objects, head: int, wanted: Callable[[int], int], deadline: Deadline) -> Heap:
    heap = Heap()
    unpack, counts, kept = objects.memory.unpack, heap.counts, heap.found
    left, seen = _LOOK_AT_CLOCK, set()
    most: dict[int, int] = {}
    try:
        here = objects.word(head) & ~7
        while here != head:
            following, _previous, _references, type_ = unpack(_LINK, here)
            if here in seen or not following:
                heap.broken = 1
                break
            seen.add(here)
            if type_ not in counts:
                if not objects.type_name(type_):
                    heap.broken = 1
                    break
                counts[type_] = 0
                if count := wanted(type_):
                    kept[type_], most[type_] = [], count
            counts[type_] += 1
            if type_ in kept and counts[type_] <= most[type_]:
                kept[type_].append(here + GC_HEAD)
            here = following & ~7
            left -= 1
            if not left:
                left = _LOOK_AT_CLOCK
                if deadline.over:
                    heap.cut = True
                    break
    except Unmapped:
        heap.broken = 1
    heap.total = sum(counts.values())
    return heap


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
