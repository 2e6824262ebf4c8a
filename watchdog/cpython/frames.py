"""Frames: what code they run, at which line, with which variables; of threads and of suspended coroutines alike."""

from __future__ import annotations

import struct

from watchdog.cpython.linetable import Position, position
from watchdog.cpython.objects import Objects, plausible
from watchdog.cpython.offsets import BYTES_DATA, CELL_VALUE
from watchdog.model.evidence import Frame
from watchdog.model.records import record
from watchdog.system.process.memory import Unmapped

_CELL, _FREE = 0x40, 0x80  # kinds of variables that live in a cell
_INSIDE = 24  # where a frame object points to its frame
_DEEPEST = 400  # entries of a value stack that are looked at
_TAGS, _TAGGED_NUMBER = 3, 3  # the lowest bits of a reference; both set: a number, and no object


@record(frozen=True)
class Code:
    """A code object."""

    address: int
    file: str
    name: str
    qualified: str
    first_line: int
    table: bytes
    names: tuple[str, ...]  # of the variables, in the order of their places in a frame
    kinds: bytes  # one for each; empty where the version has none (3.10)
    start: int  # address of the first instruction

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the variables of functions around it, in the order of its closure."""
        return tuple(name for name, kind in zip(self.names, self.kinds, strict=False) if kind & _FREE)


@record(frozen=True)
class LiveFrame:
    """A frame as it stands in memory."""

    address: int
    code: Code
    offset: int  # of the instruction, in bytes
    position: Position
    generator: int  # the coroutine or generator that it belongs to; 0: a plain call

    @property
    def record(self) -> Frame:
        return Frame(self.code.qualified, self.code.file, self.position.line)


class Frames:
    """Reads frames; code objects are remembered."""

    def __init__(self, objects: Objects) -> None:
        self.objects, self.offsets, self._memory = objects, objects.offsets, objects.memory
        self._codes: dict[int, Code | None] = {}
        self._called: dict[int, frozenset[str]] = {}
        self._positions: dict[tuple[int, int], Position] = {}

    def at(self, address: int, generator: int = 0) -> LiveFrame | None:
        """The frame at this address; None if there is none that makes sense."""
        offsets = self.offsets
        try:
            code = self.code(self.referred(self._memory.word(address + offsets.frame_code)))
            if code is None:
                return None
            if offsets.version == "3.10":
                offset = 2 * struct.unpack("<i", self._memory.read(address + offsets.frame_instruction, 4))[0]
            else:
                offset = self._memory.word(address + offsets.frame_instruction) - code.start
            if not -8 <= offset < 1 << 24:
                return None
        except Unmapped:
            return None
        place = (code.address, offset)
        if place not in self._positions:
            self._positions[place] = position(code.table, code.first_line, offset, offsets.version)
        return LiveFrame(address, code, offset, self._positions[place], generator)

    def inside(self, frame_object: int) -> int:
        """The frame itself, which a frame object of Python points to; in 3.10 the two are one."""
        return frame_object if self.offsets.version == "3.10" else self._memory.word(frame_object + _INSIDE)

    def of_generator(self, generator: int) -> LiveFrame | None:
        """The frame of a coroutine or generator that has begun and not ended."""
        try:
            return self.generator_state(generator)[0]
        except Unmapped:
            return None

    def generator_state(self, generator: int) -> tuple[LiveFrame | None, int]:
        """Its frame and the state of it, as `Offsets.states` has them; (None, 1) if it has ended."""
        offsets = self.offsets
        if offsets.generator_state is None:
            address = self._memory.word(generator + offsets.generator_frame)
            if not address or offsets.frame_state is None:
                return None, 1
            state = struct.unpack("<b", self._memory.read(address + offsets.frame_state, 1))[0]
        else:
            address = generator + offsets.generator_frame
            state = struct.unpack("<b", self._memory.read(generator + offsets.generator_state, 1))[0]
        return (self.at(address, generator) if state <= 0 else None), state

    def place_of_generator(self, generator: int) -> tuple[int, int]:
        """Its code and instruction as they stand in memory: the same for all that wait at one line. Quick."""
        offsets, inside = self.offsets, self.offsets.generator_state is not None
        address = generator + offsets.generator_frame
        address = address if inside else self._memory.word(address)
        return self._memory.word(address + offsets.frame_code), self._memory.word(address + offsets.frame_instruction)

    def referred(self, word: int) -> int:
        """The object that a place of a frame refers to; 0 if to none."""
        if not self.offsets.references:
            return word
        return 0 if word & _TAGS == _TAGGED_NUMBER else word & ~_TAGS

    def code(self, address: int) -> Code | None:
        if address not in self._codes:
            self._codes[address] = self._read_code(address)
        return self._codes[address]

    def argument_count(self, code: Code) -> int:
        """How many arguments it takes by position; they are its first names. From 3.11 on."""
        at = code.address + self.offsets.code_first_line - 16
        return int(struct.unpack("<i", self._memory.read(at, 4))[0])

    def called_names(self, code: Code) -> frozenset[str]:
        """Names of the globals and attributes that the code uses."""
        if code.address not in self._called:
            try:
                names = self.objects.items(self._memory.word(code.address + self.offsets.code_called_names))
                self._called[code.address] = frozenset(self.objects.text(one) or "" for one in names)
            except Unmapped:
                return frozenset()
        return self._called[code.address]

    def handlers(self, code: Code) -> bytes | None:
        """The table of the code's handlers of exceptions; None in a version that has none."""
        if self.offsets.code_handlers is None:
            return None
        try:
            return self.objects.raw(self._memory.word(code.address + self.offsets.code_handlers))
        except Unmapped:
            return None

    def variable(self, frame: LiveFrame, name: str) -> int | None:
        """The object that a name means in this frame: local, closure or global. None: unknown, or not bound."""
        try:
            if name in frame.code.names:
                place = frame.code.names.index(name)
                value = self.referred(self._memory.word(frame.address + self.offsets.frame_locals + 8 * place))
                celled = not frame.code.kinds or frame.code.kinds[place] & (_CELL | _FREE)
                if celled and plausible(value) and self.objects.kind(value) == "cell":
                    value = self._memory.word(value + CELL_VALUE)
                return value if plausible(value) else None
            return self.objects.lookup(self._memory.word(frame.address + self.offsets.frame_globals), name)
        except Unmapped:
            return None

    def stack(self, frame: LiveFrame, depth: int | None = None) -> list[int]:
        """The value stack of a suspended frame, bottom first, 0 where a place is empty; or the first `depth` places."""
        try:
            start, count = self._stack_place(frame)
            if depth is not None and not (self.offsets.references and 0 <= count <= depth):
                count = depth  # a frame that runs keeps its height to itself, but for those with references in a call
            count = min(count, _DEEPEST)
            words = struct.unpack(f"<{count}Q", self._memory.read(start, 8 * count)) if count > 0 else ()
            return [self.referred(word) for word in words]
        except Unmapped:
            return []

    def _stack_place(self, frame: LiveFrame) -> tuple[int, int]:
        """(address, number of places)"""
        offsets, memory = self.offsets, self._memory
        if offsets.frame_stack is not None:
            start = memory.word(frame.address + offsets.frame_stack)
            return start, struct.unpack("<i", memory.read(frame.address + offsets.frame_stacktop, 4))[0]
        start = frame.address + offsets.frame_locals + 8 * len(frame.code.names)
        if offsets.references:
            return start, (memory.word(frame.address + offsets.frame_stacktop) - start) // 8
        top = struct.unpack("<i", memory.read(frame.address + offsets.frame_stacktop, 4))[0]
        return start, top - len(frame.code.names)

    def _read_code(self, address: int) -> Code | None:
        objects, offsets = self.objects, self.offsets
        try:
            if not plausible(address) or objects.kind(address) != "code":
                return None
            file = objects.text(self._memory.word(address + offsets.code_filename))
            name = objects.text(self._memory.word(address + offsets.code_name))
            table = objects.raw(self._memory.word(address + offsets.code_line_table))
            first = struct.unpack("<i", self._memory.read(address + offsets.code_first_line, 4))[0]
            if file is None or name is None or table is None:
                return None
            qualified = None
            if offsets.code_qualname is not None:
                qualified = objects.text(self._memory.word(address + offsets.code_qualname))
            return Code(
                address, file, name, qualified or name, first, table, self._names(address), self._kinds(address),
                self._memory.word(address + offsets.code_start) + BYTES_DATA
                if offsets.version == "3.10"
                else address + offsets.code_start,
            )  # fmt: skip
        except Unmapped:
            return None

    def _names(self, code: int) -> tuple[str, ...]:
        places = (0, 16, 8) if self.offsets.version == "3.10" else (0,)  # 3.10: variables, cells, then free ones
        return tuple(
            self.objects.text(item) or ""
            for place in places
            for item in self.objects.items(self._memory.word(code + self.offsets.code_names + place))
        )

    def _kinds(self, code: int) -> bytes:
        if self.offsets.code_kinds is None:
            return b""
        return self.objects.raw(self._memory.word(code + self.offsets.code_kinds)) or b""
