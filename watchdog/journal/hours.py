"""How many answers of each verdict a probe got in each hour, counted when they are written.

A month of answers is read hour by hour, not one by one. Thinning merges answers of one hour and one verdict, so it
changes no count.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from watchdog.journal.rows import typed
from watchdog.model.probing import Sample, SampleVerdict

HOUR = 3600
_MOST = 100  # moments in one hour that SQLite is asked about at once


def add(db: sqlite3.Connection, service: str, found: Iterable[Sample]) -> None:
    counts = Counter[tuple[str, int, str]]()
    for one in found:
        counts[one.probe, int(one.at // HOUR), one.verdict] += one.count
    db.executemany(
        "INSERT INTO hours VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
        ((service, probe, hour, verdict, count) for (probe, hour, verdict), count in counts.items()),
    )


def forget(db: sqlite3.Connection, before: float, after: float) -> None:
    """Hours of which no answer is kept any more."""
    db.execute("DELETE FROM hours WHERE hour < ? OR hour > ?", (before // HOUR, after // HOUR))


def counted(
    db: sqlite3.Connection, service: str, probe: str, since: float, cuts: Collection[float]
) -> tuple[Sample, ...]:
    """What the probe was answered since then, merged: no merged answer reaches over one of these moments."""
    by_hour: dict[int, list[float]] = {}
    for cut in sorted({since, *(cut for cut in cuts if cut > since)}):
        by_hour.setdefault(int(cut // HOUR), []).append(cut)
    edges = sorted(by_hour)
    rows = db.execute(
        "SELECT hour, verdict, count FROM hours WHERE service = ? AND probe = ? AND hour >= ?",
        (service, probe, edges[0]),
    )
    whole = Counter[tuple[int, SampleVerdict]]()  # between two hours with such a moment, and verdict
    for hour, verdict, count in (typed(row, "ntn") for row in rows):
        if hour not in by_hour:
            whole[bisect_right(edges, hour), verdict] += count
    found = [_merged(probe, (edges[at - 1] + 1.5) * HOUR, verdict, n) for (at, verdict), n in whole.items()]
    for hour, inside in by_hour.items():
        found += _in_parts(db, service, probe, hour, inside)
    return tuple(one for one in found if one.at >= since)


def unchanged_since(db: sqlite3.Connection, service: str, newest: Sample, since: float) -> float:
    """When the probe gave the first of the answers that are like its newest one, without another between them."""
    of_it = "service = ? AND probe = ?"
    key = (service, newest.probe)
    hour = _number(
        db,
        f"SELECT max(hour) FROM hours WHERE {of_it} AND verdict != ? AND hour <= ?",
        (*key, newest.verdict, newest.at // HOUR),
    )
    if hour is not None:
        other = _number(
            db,
            f"SELECT at FROM samples WHERE {of_it} AND verdict != ? AND at >= ? AND at < ? ORDER BY at DESC LIMIT 1",
            (*key, newest.verdict, hour * HOUR, min(newest.at, (hour + 1) * HOUR)),
        )
        since = max(since, since if other is None else other)
    begun = _number(
        db,
        f"SELECT at FROM samples WHERE {of_it} AND verdict = ? AND at >= ? ORDER BY at LIMIT 1",
        (*key, newest.verdict, since),
    )
    return newest.at if begun is None else begun


def _in_parts(db: sqlite3.Connection, service: str, probe: str, hour: int, cuts: list[float]) -> Iterator[Sample]:
    """One hour, counted from its answers: between the moments, and at each of them."""
    part, values = " + ".join(["(at > ?) + (at >= ?)"] * len(cuts)), [cut for cut in cuts for _ in range(2)]
    if len(cuts) > _MOST:
        part, values = "at", []
    rows = db.execute(
        "SELECT at, verdict, sum(count) FROM samples WHERE service = ? AND probe = ? AND at >= ? AND at < ?"
        f" GROUP BY verdict, {part}",
        (service, probe, hour * HOUR, (hour + 1) * HOUR, *values),
    )
    for row in rows:
        at, verdict, count = typed(row, "ntn")
        yield _merged(probe, at, verdict, count)


def _merged(probe: str, at: float, verdict: SampleVerdict, count: int) -> Sample:
    return Sample(probe, at, verdict, 0.0, count=count)


def _number(db: sqlite3.Connection, question: str, values: tuple[object, ...]) -> float | None:
    (found,) = db.execute(question, values).fetchone() or (None,)
    return float(*typed((found,), "n")) if found is not None else None
