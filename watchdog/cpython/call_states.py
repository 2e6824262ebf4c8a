"""Whether a loop that runs gets on: digests of the variables of its calls, several times in a row.

A call counts only if nearly all of its variables are known completely: numbers, texts, small containers of these,
objects of the application that have nothing else in them. Around it the other calls count by the identity of their
variables, so that the same function, called again with the same arguments, is another call where anything around it
tells them apart.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice

from watchdog.cpython.callstacks import LiveThread, read_threads
from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.cpython.holdings import is_library
from watchdog.cpython.offsets import OBJECT_SIZE, TYPE_DICT_OFFSET, TYPE_FLAGS
from watchdog.model.call_state import CallState
from watchdog.system.clock import Deadline, sleep
from watchdog.system.process import threads as kernel_threads
from watchdog.system.process.memory import Unmapped

_ENOUGH, _APART = 12, 0.004  # readings of each known call, seconds between two
_LONGEST = 0.3  # seconds: a thread that runs meanwhile spoils some of the readings, and others take their place
_MOST_BUSY, MOST_THREADS = 2, 200  # threads that are read; of a process with more threads none is
_MOST_UNKNOWN = 2  # variables of a call that are not known: one that only collects may grow large
_INNERMOST = 6  # calls of the application that are shown
_DEEPEST, _MOST_ITEMS, _MOST_DIGITS = 2, 32, 64
_LONGEST_TEXT = 1000  # characters
_HEAP_TYPE, _MANAGED_DICT = 1 << 9, 1 << 4
_SAME_FOR_EVER = ("function", "builtin_function_or_method", "module", "type", "NoneType", "ellipsis")


def read_call_states(
    frames: Frames, interpreters: Iterable[int], threads: Sequence[LiveThread], pid: int, key: bytes
) -> tuple[CallState, ...]:
    """Of each thread that wants a CPU, the calls of the application whose variables are known."""
    busy = [one for one in threads if one.tid is not None and kernel_threads.is_runnable(pid, one.tid)]
    if not busy:
        return ()
    ids = {one.ident: one.tid or 0 for one in busy[:_MOST_BUSY]}
    found: list[CallState] = []
    deadline, times = Deadline(_LONGEST), 0
    while times < _ENOUGH or not (deadline.over or _are_enough(found)):
        frames.objects.memory.forget()
        for interpreter in interpreters:
            for thread in read_threads(frames, interpreter):
                if thread.ident in ids:
                    found += _States(frames, key).of(thread, ids[thread.ident])
        times += 1
        sleep(_APART)
    return tuple(found)


def _are_enough(found: Iterable[CallState]) -> bool:
    """Whether each call that was seen at all was seen often enough to compare its states."""
    seen = Counter((one.tid, one.file, one.function) for one in found)
    return min(seen.values(), default=_ENOUGH) >= _ENOUGH


def _together(variables: dict[str, bytes | None]) -> bytes | None:
    """None where one of them is not known."""
    parts = [name.encode() + b"=" + value for name, value in variables.items() if value is not None]
    return b"\n".join(parts) if len(parts) == len(variables) else None


class _States:
    def __init__(self, frames: Frames, key: bytes) -> None:
        self.frames, self.objects, self.key = frames, frames.objects, key

    def of(self, thread: LiveThread, tid: int) -> Iterator[CallState]:
        own = [place for place, one in enumerate(thread.frames) if not is_library(one.code.file)]
        around = outer = b""
        for place in reversed(range(len(thread.frames))):  # from the outermost call inwards
            call = thread.frames[place]
            variables = self.variables(call)
            known = _together(variables)
            if place in own[:_INNERMOST] and list(variables.values()).count(None) <= _MOST_UNKNOWN:
                each = tuple(
                    (name, self.digest(value) or self.identity(call, name)) for name, value in variables.items()
                )
                digest = self.digest(around + known if known is not None else None)
                yield CallState(
                    tid, call.code.qualified, call.code.file, digest, self.digest(outer), self.digest(around), each
                )
            around = blake2b(around + (known or self.identities(call)), digest_size=16).digest()
            outer = blake2b(outer + self.contents(call), digest_size=16).digest()

    def digest(self, value: bytes | None) -> str:
        return blake2b(value, digest_size=8, key=self.key).hexdigest() if value is not None else ""

    def identity(self, call: LiveFrame, name: str) -> str:
        """Which object it is, where what it holds is not known."""
        return "@" + self.digest(b"%x" % (self.frames.variable(call, name) or 0))

    def variables(self, call: LiveFrame) -> dict[str, bytes | None]:
        """What each of its variables holds; None where that is not known."""
        values = ((name, self.frames.variable(call, name)) for name in call.code.names)
        return {name: self.value(value, 0) if value else b"-" for name, value in values}

    def identities(self, call: LiveFrame) -> bytes:
        """Which objects its variables name, and what of these is known."""
        values = [self.frames.variable(call, name) or 0 for name in call.code.names]
        return b"\n".join((self.value(one, _DEEPEST) if one else None) or b"@%x" % one for one in values)

    def contents(self, call: LiveFrame) -> bytes:
        """Of each variable what it holds, as far as that is known: the number of a job, the address of a client."""
        found = []
        for name in call.code.names:
            value = self.frames.variable(call, name) or 0
            inner = self.inner(value) if value else None
            parts = [value] if inner is None else inner
            found += [(self.value(one, _DEEPEST) if one else None) or b"@%x" % one for one in parts]
        return b"\n".join(found)

    def value(self, address: int, depth: int) -> bytes | None:
        """What the object holds; None where that is not known."""
        objects = self.objects
        try:
            kind = objects.kind(address)
            if kind in _SAME_FOR_EVER:
                return b"@%x" % address
            if kind in ("int", "bool"):
                return self.digits(address)
            if kind == "float":
                return b"f" + objects.memory.read(address + OBJECT_SIZE, 8)
            if kind in ("str", "bytes"):
                return self.text(address, kind)
            return self.several(address, depth) if depth < _DEEPEST else None
        except Unmapped:
            return None

    def text(self, address: int, kind: str) -> bytes | None:
        if self.objects.word(address + OBJECT_SIZE) > _LONGEST_TEXT:
            return None
        text = self.objects.text(address) if kind == "str" else None
        return (text.encode("utf-8", "replace") if text is not None else self.objects.raw(address) or b"") + b"$"

    def digits(self, address: int) -> bytes | None:
        size = struct.unpack("<q", self.objects.memory.read(address + OBJECT_SIZE, 8))[0]
        old = self.objects.offsets.version in ("3.10", "3.11")
        count = abs(size) if old else size >> 3
        return self.objects.memory.read(address + OBJECT_SIZE, 8 + 4 * count) if count <= _MOST_DIGITS else None

    def several(self, address: int, depth: int) -> bytes | None:
        inner = self.inner(address)
        known = [self.value(one, depth + 1) for one in inner] if inner is not None else [None]
        return b"(" + b",".join(one for one in known if one is not None) + b")" if None not in known else None

    def inner(self, address: int) -> list[int] | None:
        """The objects in a small container, or in a plain object; None for anything else."""
        objects = self.objects
        try:
            kind = objects.kind(address)
            if kind in ("list", "tuple"):
                few = objects.word(address + OBJECT_SIZE) <= _MOST_ITEMS
                return objects.items(address) if few else None
            pairs: Iterable[tuple[int, int]]
            if kind == "dict":
                pairs = objects.entries(address)
            elif self.is_plain_class(objects.type_of(address)):
                pairs = objects.attributes(address, objects.type_of(address))
            else:
                return None
            found = [one for pair in islice(pairs, _MOST_ITEMS) for one in pair]
        except Unmapped:
            return None
        return found if len(found) <= _MOST_ITEMS else None

    def is_plain_class(self, type_: int) -> bool:
        """A class written in Python whose objects keep everything in their attributes."""
        objects = self.objects
        line = [type_, *objects.bases(type_)]
        if objects.type_name(line[-1]) != "object" or objects.inherited(type_, "__slots__"):
            return False
        return all(map(self.has_variables, line[:-1]))

    def has_variables(self, type_: int) -> bool:
        """A class that is written in C and keeps its state elsewhere has none."""
        flags = self.objects.word(type_ + TYPE_FLAGS)
        return bool(flags & _HEAP_TYPE and (flags & _MANAGED_DICT or self.objects.word(type_ + TYPE_DICT_OFFSET)))
