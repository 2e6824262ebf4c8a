"""Python objects in another process's memory: types, texts, numbers, containers, attributes.

Every answer is checked by the type's name on the way; what does not fit is None, never a guess.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from watchdog.cpython.offsets import (
    BYTES_DATA,
    DICT_KEYS,
    DICT_VALUES,
    LIST_ITEMS,
    MODULE_DICT,
    OBJECT_SIZE,
    OBJECT_TYPE,
    TYPE_BASE,
    TYPE_BASIC_SIZE,
    TYPE_DICT,
    TYPE_DICT_OFFSET,
    TYPE_FLAGS,
    TYPE_MRO,
    TYPE_NAME,
    Offsets,
)
from watchdog.system.process.memory import PAGE, Memory, Unmapped

_LONGEST_TEXT = 4096  # characters
_MOST_ENTRIES = 20_000  # of a dictionary or list
_HEAP_TYPE, _MANAGED_DICT, _INLINE_VALUES, _DICT = 1 << 9, 1 << 4, 1 << 2, 1 << 29
_HIGHEST = 1 << 47  # addresses of user space end here


def plausible(address: int) -> bool:
    """Whether this could be the address of an object."""
    return 4096 < address < _HIGHEST and not address & 7


class Objects:
    """Reads objects of one process; type names are remembered, objects are not."""

    def __init__(self, memory: Memory, offsets: Offsets) -> None:
        self.memory, self.offsets = memory, offsets
        self._names: dict[int, str] = {}
        self._full_names: dict[int, str] = {}
        self._inherited: dict[tuple[int, str], int | None] = {}  # attributes of classes

    def word(self, address: int) -> int:
        return self.memory.word(address)

    def type_of(self, address: int) -> int:
        return self.memory.word(address + OBJECT_TYPE) if plausible(address) else 0

    def kind(self, address: int) -> str:
        """The name of the object's type as its structure has it: "dict", "Lock", "_asyncio.Task"; empty if none."""
        try:
            return self.type_name(self.type_of(address))
        except Unmapped:
            return ""

    def type_name(self, type_: int) -> str:
        found = self._names.get(type_)
        if found is None:
            found = self._names[type_] = self._read_type_name(type_)
        return found

    def full_name(self, type_: int) -> str:
        """With the module for a class written in Python: "shop.Order"; "dict" for a built-in one."""
        found = self._full_names.get(type_)
        if found is None:
            found = self.type_name(type_)
            try:
                if found and "." not in found and self.word(type_ + TYPE_FLAGS) & _HEAP_TYPE:
                    module = self.lookup(self.word(type_ + TYPE_DICT), "__module__")
                    name = self.text(module) if module else None
                    found = f"{name}.{found}" if name and name != "builtins" else found
            except Unmapped:
                pass
            self._full_names[type_] = found
        return found

    def full_kind(self, address: int) -> str:
        try:
            return self.full_name(self.type_of(address))
        except Unmapped:
            return ""

    def derives(self, type_: int, name: str) -> bool:
        """Whether the type is the one of this name or has it among its bases (the first one of each)."""
        for _ in range(20):
            if not plausible(type_):
                return False
            if self.type_name(type_) == name:
                return True
            try:
                type_ = self.word(type_ + TYPE_BASE)
            except Unmapped:
                return False
        return False

    def bases(self, type_: int) -> list[int]:
        """The classes it inherits from, nearest first, without itself."""
        try:
            return [base for base in self.items(self.word(type_ + TYPE_MRO)) if base != type_]
        except Unmapped:
            return []

    def text(self, address: int) -> str | None:
        """A str, cut after some thousand characters."""
        try:
            if self.kind(address) != "str":
                return None
            length, state = self.word(address + OBJECT_SIZE), self.word(address + 32)
            width, ascii_only, compact = state >> 2 & 7, state >> 6 & 1, state >> 5 & 1
            if not compact or width not in (1, 2, 4):
                return None
            start = address + (self.offsets.text_ascii if ascii_only else self.offsets.text_other)
            raw = self.memory.read(start, min(length, _LONGEST_TEXT) * width)
        except Unmapped:
            return None
        return raw.decode({1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[width], "replace")

    def raw(self, address: int) -> bytes | None:
        """A bytes object, cut at 1 MiB."""
        try:
            if self.kind(address) != "bytes":
                return None
            return self.memory.read(address + BYTES_DATA, min(self.word(address + OBJECT_SIZE), 1 << 20))
        except Unmapped:
            return None

    def number(self, address: int) -> int | None:
        """An int of at most two digits of the interpreter (60 bits)."""
        try:
            if self.kind(address) not in ("int", "bool"):
                return None
            size = self.word(address + OBJECT_SIZE)
            if self.offsets.version in ("3.10", "3.11"):
                size = size - (1 << 64) if size >> 63 else size
                count, sign = abs(size), -1 if size < 0 else 1
                count = 0 if size == 0 else count
            else:
                count, sign = size >> 3, (1, 0, -1, 0)[size & 3]
            if count > 3:
                return None
            digits = struct.unpack(f"<{count}I", self.memory.read(address + 24, 4 * count)) if count else ()
        except Unmapped:
            return None
        total: int = sum(digit << 30 * place for place, digit in enumerate(digits))
        return sign * total

    def items(self, address: int) -> list[int]:
        """The addresses in a list or tuple."""
        try:
            kind, count = self.kind(address), self.word(address + OBJECT_SIZE)
            if kind == "tuple":
                start = address + self.offsets.tuple_items
            elif kind == "list":
                start = self.word(address + LIST_ITEMS)
            else:
                return []
            count = min(count, _MOST_ENTRIES)
            return list(struct.unpack(f"<{count}Q", self.memory.read(start, 8 * count))) if count else []
        except Unmapped:
            return []

    def entries(self, address: int) -> Iterator[tuple[int, int]]:
        """(key, value) addresses of a dict."""
        try:
            if not self.word(self.type_of(address) + TYPE_FLAGS) & _DICT:
                return
            keys, values = self.word(address + DICT_KEYS), self.word(address + DICT_VALUES)
            if values:
                values += self.offsets.split_values
            yield from self._keyed(keys, values)
        except Unmapped:
            return

    def lookup(self, dictionary: int, name: str) -> int | None:
        """The value of a dict under a text key."""
        return next((value for key, value in self.entries(dictionary) if self._is_text(key, name)), None)

    def attribute(self, address: int, name: str) -> int | None:
        """An attribute: of the instance, of a module, a slot, or of the class; properties are not evaluated."""
        try:
            type_ = self.type_of(address)
            if self.type_name(type_) == "module":
                return self.lookup(self.word(address + MODULE_DICT), name)
            for key, value in self.attributes(address, type_):
                if self._is_text(key, name):
                    return value
            return self._class_attribute(address, type_, name)
        except Unmapped:
            return None

    def inherited(self, type_: int, name: str) -> int | None:
        """What a class or the first of its bases has under this name."""
        if (type_, name) not in self._inherited:
            tables = (self.word(base + TYPE_DICT) for base in self.items(self.word(type_ + TYPE_MRO)))
            found = next((value for table in tables if (value := self.lookup(table, name))), None)
            self._inherited[type_, name] = found
        return self._inherited[type_, name]

    def _class_attribute(self, address: int, type_: int, name: str) -> int | None:
        found = self.inherited(type_, name)
        if found is not None and self.kind(found) == "member_descriptor":  # a slot: the value stands in the instance
            value = self.word(address + self.word(self.word(found + 40) + 16))
            return value if plausible(value) else None
        return found

    def attributes(self, address: int, type_: int) -> Iterator[tuple[int, int]]:
        """(name, value) addresses of an instance's own attributes, without slots. Unmapped if it makes no sense."""
        flags = self.word(type_ + TYPE_FLAGS)
        if flags & _MANAGED_DICT:
            dictionary, values = self._managed(address, type_, flags)
            if values:
                yield from self._keyed(self.word(type_ + self.offsets.type_cached_keys), values)
        else:
            offset = self.word(type_ + TYPE_DICT_OFFSET)
            dictionary = self.word(address + offset) if 0 < offset < 1 << 20 else 0
        if dictionary:
            yield from self.entries(dictionary)

    def _managed(self, address: int, type_: int, flags: int) -> tuple[int, int]:
        """(dict, array of values) of an instance whose dict is made only when somebody asks for it."""
        at = self.word(address - 24)
        if self.offsets.version == "3.11":
            return at, self.word(address - 32)
        if self.offsets.version == "3.12":
            return (0, at + 1) if at & 1 else (at, 0)
        if not at and flags & _INLINE_VALUES:
            inline = address + self.word(type_ + TYPE_BASIC_SIZE)
            return 0, inline + 8 if self.memory.read(inline + 3, 1) == b"\1" else 0
        return at, 0

    def _keyed(self, keys: int, values: int) -> Iterator[tuple[int, int]]:
        if self.offsets.version == "3.10":
            size, count, width = self.word(keys + 8), self.word(keys + 32), 24
            start = keys + 40 + size * (1 if size <= 0xFF else 2 if size <= 0xFFFF else 4)
        else:
            _log, index_bytes, kind = self.memory.read(keys + 8, 3)
            count, width = self.word(keys + 24), 16 if kind else 24
            start = keys + 32 + (1 << index_bytes)
        for place in range(min(count, _MOST_ENTRIES)):
            entry = start + place * width + width - 16
            key = self.word(entry)
            value = self.word(values + 8 * place) if values else self.word(entry + 8)
            if plausible(key) and plausible(value):
                yield key, value

    def _is_text(self, address: int, name: str) -> bool:
        try:
            return self.word(address + OBJECT_SIZE) == len(name) and self.text(address) == name
        except Unmapped:
            return False

    def _read_type_name(self, type_: int) -> str:
        if not plausible(type_):
            return ""
        try:
            at = self.word(type_ + TYPE_NAME)
            raw = self.memory.read(at, min(200, PAGE - at % PAGE))
            if b"\0" not in raw:
                raw = self.memory.read(at, 200)
        except Unmapped:
            return ""
        name, end, _rest = raw.partition(b"\0")
        text = name.decode("utf-8", "replace")
        return text if end and text and text.isprintable() and "\ufffd" not in text else ""
