"""Who waits for whom, as a picture: a circle of locks, or the chain that ends at the one who holds everybody up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from watchdog.diagnosis.locking import Graph, who
from watchdog.model.evidence import Frame, LockLook, LockPoint
from watchdog.model.records import record
from watchdog.report.folders import read_json
from watchdog.report.page import BOX, GAP, Box, Waits
from watchdog.text.language import translated, translated_count

_LONGEST = 8  # boxes; of a longer chain the end is the root
_WIDTH = 38  # characters that fit into a box


@record(frozen=True)
class _Link:
    """A box that was not laid out yet."""

    name: str
    place: str
    wish: str = ""
    is_peer: bool = False


def waits(finding: Mapping[str, Any], folders: Sequence[Path]) -> Waits | None:
    """Of the first finding; None where nobody waits for anybody, or nothing of it was kept."""
    if any(str(one).startswith("locks.json") for one in finding.get("evidence") or ()):
        for folder in folders:
            if looks := _looks(read_json(folder / "locks.json")):
                return _of_locks(Graph(looks))
        return None
    culprit, peer = finding.get("culprit") or {}, finding.get("peer")
    if not culprit.get("file") or not peer:
        return None
    name = str(culprit.get("thread") or translated("the server"))
    place = _place(str(culprit["file"]), culprit.get("line"), str(culprit.get("function") or ""))
    return _drawn([_Link(name, place, translated("an answer")), _Link(str(peer), "", is_peer=True)], False, 0)


def _of_locks(graph: Graph) -> Waits | None:
    if ring := graph.cycle():
        links = [_Link(_name(wanted), _at(wanted), wanted.expression) for _, wanted in ring]
        own = {who(wanted) for _, wanted in ring}
        return _drawn(links, True, sum(one not in own for one in graph.wanted))
    contended = graph.contended()
    if not contended:
        return None
    points = contended[0][0]
    return _drawn(list(_chain(graph, points[0])), False, len(points) - 1)


def _chain(graph: Graph, point: LockPoint) -> Iterator[_Link]:
    """From one who waits to the one at the root of it."""
    seen = set()
    while who(point) not in seen:
        seen.add(who(point))
        yield _Link(_name(point), _at(point), point.expression)
        holder = graph.holder(point)
        if holder is None:
            yield _Link(translated("nobody who can be seen"), "")
            return
        if who(holder) not in graph.wanted:
            yield _Link(_name(holder), _at(holder))
            return
        point = graph.wanted[who(holder)]


def _drawn(links: Sequence[_Link], is_circle: bool, more: int) -> Waits:
    shown = links[:_LONGEST] if is_circle else links[-_LONGEST:]
    tops = range(0, len(shown) * (BOX + GAP), BOX + GAP)
    boxes = tuple(
        Box(_short(link.name), _short(link.place), _short(link.wish), top)
        for link, top in zip(shown, tops, strict=True)
    )
    words = "; ".join(_told(one, other) for one, other in zip(shown, [*shown[1:], shown[0]], strict=True) if one.wish)
    if more > 0:
        words += translated_count("; {count} more waits behind them", "; {count} more wait behind them", more)
    return Waits(boxes, is_circle and len(shown) == len(links), words)


def _told(one: _Link, other: _Link) -> str:
    if other.is_peer:
        return translated("{name} waits for an answer of {peer}", name=one.name, peer=other.name)
    if other is one:
        return translated("{name} waits for {what}, which it holds itself", name=one.name, what=one.wish)
    return translated("{name} waits for {what}, which {other} holds", name=one.name, what=one.wish, other=other.name)


def _name(point: LockPoint) -> str:
    return point.task or point.thread or translated("thread {tid}", tid=point.tid)


def _at(point: LockPoint) -> str:
    return _place(point.frame.file, point.frame.line, point.frame.function)


def _place(file: str, line: Any, function: str) -> str:
    place = f"{Path(file).name}:{line}"
    return translated("{place} in {function}", place=place, function=function)


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _looks(found: Any) -> tuple[LockLook, ...]:
    """What the evidence kept; what is not as it should be is left out."""
    looks = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    return tuple(LockLook(tuple(_points(one.get("held"))), tuple(_points(one.get("wanted")))) for one in looks[-1:])


def _points(found: Any) -> Iterator[LockPoint]:
    for one in found if isinstance(found, list) else ():
        try:
            frame = Frame(str(one["frame"]["function"]), str(one["frame"]["file"]), int(one["frame"]["line"]))
            yield LockPoint(
                int(one["pid"]), one["tid"], str(one["thread"]), str(one["lock"]), str(one["expression"]),
                str(one["kind"]), frame, one.get("task"), one.get("locked"), one.get("owner"),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError):
            continue
