"""Symbols of a program or library, looked up in the memory of the process that runs it.

Everything comes from the loaded image: no file is opened, so it works for a program in a container, for one that was
replaced on disk since it started, and for a stripped one (the dynamic symbols are part of what is loaded).
"""

from __future__ import annotations

import struct

from watchdog.system.process.address_space import PAGE, Memory, Unmapped

_HEADER = struct.Struct("<16xHHIQQQIHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_LOAD, _DYNAMIC = 1, 2
_HASH, _STRINGS, _SYMBOLS, _GNU_HASH = 4, 5, 6, 0x6FFFFEF5
_MOST = 200_000  # symbols of a table: beyond that it is not a table


def find_symbol(memory: Memory, start: int, name: str) -> int | None:
    """The address of a dynamic symbol in the image whose file begins at `start`; None if there is none."""
    try:
        tables, bias = _tables(memory, start)
        if _STRINGS not in tables or _SYMBOLS not in tables:
            return None
        wanted = name.encode("ascii")
        if _GNU_HASH in tables:
            candidates = _by_gnu_hash(memory, tables[_GNU_HASH], wanted)
        elif _HASH in tables:
            candidates = list(range(1, min(_MOST, struct.unpack("<II", memory.read(tables[_HASH], 8))[1])))
        else:
            return None
        for index in candidates:
            text, _info, _other, section, value, _size = _SYMBOL.unpack(
                memory.read(tables[_SYMBOLS] + index * _SYMBOL.size, _SYMBOL.size)
            )
            found = memory.read(tables[_STRINGS] + text, len(wanted) + 1)
            if section and found == wanted + b"\0":
                return int(bias + value)
    except (Unmapped, struct.error):
        pass
    return None


def _tables(memory: Memory, start: int) -> tuple[dict[int, int], int]:
    """The addresses of the dynamic tables, and what must be added to an address of the file."""
    if memory.read(start, 6) != b"\x7fELF\x02\x01":  # 64 bit, little end first
        return {}, 0
    _type, _machine, _version, _entry, offset, _sections, _flags, _size, each, count = _HEADER.unpack(
        memory.read(start, _HEADER.size)
    )
    segments = [_SEGMENT.unpack(memory.read(start + offset + i * each, _SEGMENT.size)) for i in range(count)]
    bias = start - min(segment[3] for segment in segments if segment[0] == _LOAD) // PAGE * PAGE
    found: dict[int, int] = {}
    for segment in segments:
        if segment[0] != _DYNAMIC:
            continue
        for i in range(segment[6] // 16):
            tag, value = struct.unpack("<QQ", memory.read(bias + segment[3] + i * 16, 16))
            # glibc writes real addresses over the file's ones when it loads an image; others leave them.
            found[tag] = value if value >= start else bias + value
    return found, bias


def _by_gnu_hash(memory: Memory, table: int, name: bytes) -> list[int]:
    buckets, first, words, _shift = struct.unpack("<IIII", memory.read(table, 16))
    wanted = 5381
    for letter in name:
        wanted = (wanted * 33 + letter) & 0xFFFFFFFF
    bucket_table = table + 16 + words * 8
    index = struct.unpack("<I", memory.read(bucket_table + wanted % buckets * 4, 4))[0]
    found: list[int] = []
    while first <= index < first + _MOST:
        here = struct.unpack("<I", memory.read(bucket_table + buckets * 4 + (index - first) * 4, 4))[0]
        if here | 1 == wanted | 1:
            found.append(index)
        if here & 1:
            break
        index += 1
    return found
