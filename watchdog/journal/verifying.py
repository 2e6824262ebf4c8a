"""Whether the record of incidents is as it was written: the chain against itself, then against what stands there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from watchdog.journal import chain
from watchdog.model.chain import Chain, Fault, FaultKind, Head

_Entry = tuple[int, float, str, str, str, str]  # number, time, incident, item, digest, hash


def look_through(db: sqlite3.Connection) -> Chain:
    entries: list[_Entry] = db.execute(f"SELECT {chain.COLUMNS} FROM chain ORDER BY number").fetchall()
    begun = entries[0][1] if entries else None
    older = db.execute("SELECT value FROM facts WHERE name = ?", (chain.TAKEN_IN,)).fetchone()
    last = entries[-1] if entries else None
    return Chain(
        len(entries),
        Head(last[0], last[5]) if last else None,
        begun,
        int(older[0]) if older else 0,
        {entry[0]: entry[5] for entry in entries},
        (*_broken_links(entries), *_missing_end(db, entries), *_changed_items(db, entries)),
    )


def _broken_links(entries: list[_Entry]) -> Iterator[Fault]:
    """Each place where an entry does not follow from the one before it, as both stand there."""
    number, before = 0, ""
    for entry in entries:
        if entry[0] != number + 1:
            yield Fault("removed", f"{_entries(number + 1, entry[0] - 1)} of the chain", entry=number + 1)
        elif chain.link(before, *entry[:5]) != entry[5]:
            what = f"entry {entry[0]} of the chain is not what was written after entry {number}"
            yield Fault("changed", what, entry[2], entry[0])
        number, before = entry[0], entry[5]


def _missing_end(db: sqlite3.Connection, entries: list[_Entry]) -> Iterator[Fault]:
    last, highest = entries[-1][0] if entries else 0, chain.highest(db)
    if highest > last:
        yield Fault("removed", f"{_entries(last + 1, highest)} at the end of the chain", entry=last + 1)


def _changed_items(db: sqlite3.Connection, entries: list[_Entry]) -> Iterator[Fault]:
    """What stands there, against the last entry about it."""
    latest = {(entry[2], entry[3]): entry for entry in entries}
    for (incident, item), entry in latest.items():
        now = chain.digest_of(db, incident, item)
        if now != entry[4]:
            kind: FaultKind = "changed" if now else "removed"
            yield Fault(kind, f"{_item(item)} of {incident}, since entry {entry[0]}", incident, entry[0])
    for incident, item in chain.items(db):
        if (incident, item) not in latest:
            yield Fault("added", f"{_item(item)} of {incident} has no entry in the chain", incident)


def _entries(first: int, last: int) -> str:
    return f"entry {first}" if first == last else f"entries {first} to {last}"


def _item(item: str) -> str:
    return item or "the line"
