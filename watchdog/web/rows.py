"""One service as a line of the page: the words of `wd status`, and a bar of its last answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from watchdog.commands.standing import Standing
from watchdog.commands.status_lines import MARKS, needs_a_person
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.text.language import marked, translated, translated_word
from watchdog.text.retelling import retold
from watchdog.text.units import format_duration

BAR = 90  # answers in a bar


@record(frozen=True)
class Piece:
    """Answers in a row that came out alike: a part of the bar."""

    verdict: str
    begin: int  # of the 90 places
    count: int
    words: str  # time, latency, and what the last of them said


@record(frozen=True)
class Row:
    """What a template shows of one service."""

    name: str
    mark: str
    state: str
    since: float | None
    mode: str
    needs: tuple[str, ...]
    approval: str  # the question that can be answered
    message: str
    bar: tuple[Piece, ...]
    availability: str
    is_below: bool  # the target


def row(one: Standing, now: float) -> Row:
    day = one.figures[0] if one.figures else None
    known = day is not None and day.percent is not None
    return Row(
        name=one.playbook.service,
        mark=MARKS[one.state],
        state=one.state,
        since=one.since,
        mode=one.playbook.policy.mode,
        needs=tuple(needs_a_person(one, now)),
        approval=one.approval,
        message="" if one.question else retold(one.message),
        bar=bar(one.answers),
        availability=f"{day.percent:.2f} %" if day is not None and day.percent is not None else "",
        is_below=bool(day is not None and known and not day.meets(one.playbook.policy.target)),
    )


def bar(answers: Sequence[Sample]) -> tuple[Piece, ...]:
    """The newest stands at the right end."""
    found: list[list[Sample]] = []
    for one in answers[-BAR:]:
        if found and found[-1][-1].verdict == one.verdict:
            found[-1].append(one)
        else:
            found.append([one])
    begin, pieces = BAR - len(answers[-BAR:]), []
    for group in found:
        pieces.append(Piece(group[0].verdict, begin, len(group), _words(group)))
        begin += len(group)
    return tuple(pieces)


def _words(group: Sequence[Sample]) -> str:
    first, last = group[0], group[-1]
    slowest = format_duration(max(one.seconds for one in group))
    verdict, message = translated_word(last.verdict, "answer"), retold(last.message)
    if len(group) == 1:
        one = marked("{time}: 1 answer {verdict}, {duration}: {message}")
        return translated(one, time=_time(first.at), verdict=verdict, duration=slowest, message=message)
    many = marked("{begin} to {end}: {count} answers {verdict}, at most {duration}: {message}")
    return translated(
        many, begin=_time(first.at), end=_time(last.at), count=len(group),
        verdict=verdict, duration=slowest, message=message,
    )  # fmt: skip


def _time(when: float) -> str:
    return datetime.fromtimestamp(when).astimezone().strftime("%H:%M:%S")
