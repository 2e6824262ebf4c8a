"""Which source position belongs to an instruction: the location tables of code objects, decoded.

The formats are documented in CPython's own `Objects/locations.md` (3.11 and later) and `Objects/lnotab_notes.txt`.
"""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.model.records import record


@record(frozen=True)
class Position:
    """Lines count from 1, columns from 0 in bytes of UTF-8, as in `ast`. None: the table does not tell."""

    line: int
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None


def position(table: bytes, first_line: int, offset: int, version: str) -> Position:
    """The position of the instruction at this byte offset; the first line for one that has not begun."""
    if offset < 0:
        return Position(first_line)
    ranges = _pairs(table, first_line) if version == "3.10" else _entries(table, first_line)
    for end, found in ranges:
        if offset < end:
            return found if found is not None else Position(first_line)
    return Position(first_line)


def trail(table: bytes, first_line: int, offset: int, version: str) -> tuple[Position, ...]:
    """The positions of all instructions up to this one, in the order of the code; the last is its own."""
    found, start = [], 0
    for end, here in _pairs(table, first_line) if version == "3.10" else _entries(table, first_line):
        if start > max(0, offset):
            break
        if here is not None:
            found.append(here)
        start = end
    return tuple(found)


def _pairs(table: bytes, line: int) -> Iterator[tuple[int, Position | None]]:
    end = 0
    for place in range(0, len(table) - 1, 2):
        end += table[place]
        step = table[place + 1] - 256 if table[place + 1] > 127 else table[place + 1]
        if step == -128:
            yield end, None
        else:
            line += step
            yield end, Position(line)


def _entries(table: bytes, line: int) -> Iterator[tuple[int, Position | None]]:
    place = end = 0
    while place < len(table):
        head = table[place]
        place += 1
        end += ((head & 7) + 1) * 2
        kind = head >> 3 & 15
        if kind == 15:
            yield end, None
            continue
        last, column, last_column = None, None, None
        if kind == 14:
            step, place = _signed(table, place)
            more, place = _number(table, place)
            start, place = _number(table, place)
            stop, place = _number(table, place)
            line += step
            last, column, last_column = line + more, start - 1 if start else None, stop - 1 if stop else None
        elif kind == 13:
            step, place = _signed(table, place)
            line += step
            last = line
        elif kind >= 10:
            line += kind - 10
            last, column, last_column = line, *table[place : place + 2]
            place += 2
        else:
            column = kind << 3 | table[place] >> 4
            last, last_column = line, column + (table[place] & 15)
            place += 1
        yield end, Position(line, last, column, last_column)


def _number(table: bytes, place: int) -> tuple[int, int]:
    found = shift = 0
    while place < len(table):
        byte = table[place]
        found |= (byte & 63) << shift
        shift += 6
        place += 1
        if not byte & 64:
            break
    return found, place


def number_from_top(table: bytes, place: int) -> tuple[int, int]:
    """A number of the table of handlers, whose highest bits come first, and the place behind it."""
    found = 0
    while place < len(table):
        byte = table[place]
        found = found << 6 | byte & 63
        place += 1
        if not byte & 64:
            break
    return found, place


def _signed(table: bytes, place: int) -> tuple[int, int]:
    found, place = _number(table, place)
    return (-(found >> 1) if found & 1 else found >> 1), place
