"""How many answers of each verdict a probe got in each hour, counted when they are written.

A month of answers is read hour by hour, not one by one. Thinning merges answers of one hour and one verdict, so it
changes no count.
"""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from watchdog.journal.rows import typed
from watchdog.model.probing import Sample, SampleVerdict

HOUR = 3600
Span = tuple[float, float]  # from, to
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
    db: sqlite3.Connection, service: str, probe: str, begins: Sequence[float], spans: Sequence[Span]
) -> tuple[Sample, ...]:
    """What the probe was answered since the first of these moments and outside of these spans, merged.

    No merged answer reaches over one of the moments. The spans are in order and do not touch each other.
    """
    cuts = _by_hour((begin, begin) for begin in begins)
    edges = _by_hour((start, end) for start, end in spans)
    rows = db.execute(
        "SELECT hour, verdict, count FROM hours WHERE service = ? AND probe = ? AND hour >= ?",
        (service, probe, min(cuts)),
    )
    totals: dict[int, Counter[SampleVerdict]] = {}
    for hour, verdict, count in (typed(row, "ntn") for row in rows):
        totals.setdefault(int(hour), Counter())[verdict] = count
    whole: dict[int, tuple[float, Counter[SampleVerdict]]] = {}  # by the number of moments before it
    found: list[Sample] = []
    key, moments = (service, probe), sorted(cuts)
    for hour, total in sorted(totals.items()):
        if hour in cuts:
            near = sorted({moment for span in (*cuts[hour], *edges.get(hour, ())) for moment in span})
            found += _in_parts(db, *key, hour, near)
        elif hour in edges:
            outside = total - _inside(db, *key, hour, edges[hour])
            found += (_merged(probe, _outside(hour, edges[hour]), verdict, n) for verdict, n in outside.items())
        elif not _is_in((hour + 0.5) * HOUR, spans):
            place = bisect_right(moments, hour)
            whole.setdefault(place, ((hour + 0.5) * HOUR, Counter()))[1].update(total)
    found += [_merged(probe, at, verdict, n) for at, counts in whole.values() for verdict, n in counts.items()]
    known = (one for one in found if one.at >= min(begins))
    return tuple(one for one in known if not _is_in(one.at, spans))


def _by_hour(spans: Iterable[Span]) -> dict[int, list[Span]]:
    """Spans by the hours that they begin or end in."""
    found: dict[int, list[Span]] = {}
    for span in spans:
        for hour in {int(moment // HOUR) for moment in span}:
            found.setdefault(hour, []).append(span)
    return found


def _inside(
    db: sqlite3.Connection, service: str, probe: str, hour: int, spans: Iterable[Span]
) -> Counter[SampleVerdict]:
    """The answers of one hour that lie in these spans: few, because the loop does not ask while it works."""
    found = Counter[SampleVerdict]()
    for start, end in spans:
        rows = db.execute(
            "SELECT verdict, sum(count) FROM samples WHERE service = ? AND probe = ? AND at >= ? AND at <= ?"
            " AND at < ? GROUP BY verdict",
            (service, probe, max(start, hour * HOUR), end, (hour + 1) * HOUR),
        )
        for verdict, count in (typed(row, "tn") for row in rows):
            found[verdict] += count
    return found


def _outside(hour: int, spans: Sequence[Span]) -> float:
    """A moment of that hour that lies in none of these spans; they do not fill it."""
    first = float(hour * HOUR)
    if not _is_in(first, spans):
        return first
    return next(math.nextafter(end, math.inf) for _, end in spans if end >= first)


def _is_in(at: float, spans: Sequence[Span]) -> bool:
    place = bisect_right(spans, (at, math.inf))
    return place > 0 and at <= spans[place - 1][1]


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
