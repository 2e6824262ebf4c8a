"""Values as they come out of the store, held against what they must be: a flipped bit is not an incident."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

_KINDS: dict[str, tuple[type, ...]] = {
    "t": (str,),
    "T": (str, type(None)),
    "n": (int, float),
    "N": (int, float, type(None)),
}


def typed(row: tuple[Any, ...], kinds: str) -> tuple[Any, ...]:
    """The row, if each value is what its letter says: t text, n number, capital letters allow None.

    sqlite3.DatabaseError otherwise: the file passed SQLite's own check and is damaged all the same.
    """
    if len(row) != len(kinds):
        raise sqlite3.DatabaseError("file is not a database of ours: a row has another length")
    for value, kind in zip(row, kinds, strict=True):
        if not isinstance(value, _KINDS[kind]) or (isinstance(value, float) and not -1e15 < value < 1e15):
            raise sqlite3.DatabaseError("file is not a database that is whole: a row holds what it cannot hold")
    return row


def from_json(text: str | None, kind: type) -> Any:
    """What was stored as JSON, if it is of that kind; None for none."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise sqlite3.DatabaseError("file is not a database that is whole: a value cannot be read")
    return found
