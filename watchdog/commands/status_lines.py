"""How `wd status` reads: one line for each service, or everything about one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from watchdog.commands.standing import Standing
from watchdog.model.launching import ShimRecord
from watchdog.model.playbook import Playbook
from watchdog.report.availability import Availability
from watchdog.text.language import translated, translated_count, translated_word
from watchdog.text.printable import printable
from watchdog.text.retelling import retold
from watchdog.text.units import format_duration, format_size, iso

_BARS = "▁▂▃▄▅▆▇█"
_CURVE = 40  # columns
_NOISE = 0.05  # of the highest value: a smaller movement is drawn smaller than the whole height
_WHOLE = 0.98  # of a window that is known: all of it


MARKS = {"ok": "✓", "slow": "!", "failed": "✗", "unknown": "?", "stopped": "–"}


def overview(found: Sequence[Standing], now: float) -> Iterator[str]:
    """One line a service: mark, name, state, since when, mode, what needs a person, and the worst answer."""
    name = max((len(one.playbook.service) for one in found), default=0)
    for one in found:
        for_long = format_duration(max(0.0, now - one.since)) if one.since is not None else ""
        message = () if one.question else (printable(one.message),)  # a question begins with what happened
        told = "; ".join((*needs_a_person(one, now), *message))
        yield (
            f"{MARKS[one.state]} {one.playbook.service:<{name}}  {one.state:<7} {for_long:<7} "
            f"{one.playbook.policy.mode:<7}  {told}"
        )


def needs_a_person(one: Standing, now: float) -> Iterator[str]:
    """What a person has to know or to do about it."""
    if one.question:
        yield translated("ASKS: {question}", question=printable(one.question)) + _answer_words(one)
    if one.gave_up:
        resume = f"`wd resume {one.playbook.service}`"
        yield translated(
            "GAVE UP: {why}; once fixed, run {command}", why=retold(printable(one.gave_up)), command=resume
        )
    if one.desired.state == "snoozed":
        yield _snoozed(one, now)
    if one.holder:
        yield translated("under way: {what}", what=printable(one.holder))
    if one.next_check is None and not one.holder:
        yield translated("nobody checks it: run {command}", command="`wd watch`")


def _snoozed(one: Standing, now: float) -> str:
    if one.desired.until_healthy:
        return translated("snoozed until healthy")
    if one.desired.until is None:
        return translated("snoozed")
    return translated("snoozed for {duration}", duration=format_duration(one.desired.until - now))


def _answer_words(one: Standing) -> str:
    """How to answer, while that is possible."""
    yes = f"`wd yes {one.playbook.service}`"
    return translated("; {command} lets the loop do it", command=yes) if one.approval else ""


def details(one: Standing, now: float) -> Iterator[str]:
    """All of one service."""
    for_long = f" for {format_duration(max(0.0, now - one.since))}" if one.since is not None else ""
    yield f"{one.playbook.service}: {one.state}{for_long}: {printable(one.message)}"
    if one.desired.state != "running":
        until = f" until {iso(one.desired.until)}" if one.desired.until is not None else ""
        until = " until it is healthy" if one.desired.until_healthy else until
        yield f"  {one.desired.state} by {printable(one.desired.by or 'a person')}{until}"
    if one.question:
        yield f"  asks: {printable(one.question)}{_answer_words(one)}"
    if one.gave_up:
        yield f"  wd gave up: {printable(one.gave_up)}; once fixed, run `wd resume {one.playbook.service}`"
    if one.holder:
        yield f"  under way: {printable(one.holder)}"
    yield f"  mode {one.playbook.policy.mode}, {next_check(one, now)}"
    yield from windows(one.figures, one.playbook.policy.target)
    if len(one.memory) > 1:
        yield f"  memory {_memory(one.memory, one.playbook)}"
    for death, why in one.deaths:
        yield f"  {death_words(death, why, now)}"


def next_check(one: Standing, now: float) -> str:
    """When it is asked next, and by whom if by nobody."""
    if one.next_check is not None:
        left = one.next_check - now
        if left < 1:
            return translated("next check now")
        return translated("next check in {duration}", duration=format_duration(left))
    if one.holder:
        return translated("the next check comes after that")
    if one.last_asked is None:
        return translated("nobody checks it: run {command}", command="`wd watch`")
    ago = format_duration(max(0.0, now - one.last_asked))
    return translated("nobody checks it, last asked {duration} ago: run {command}", duration=ago, command="`wd watch`")


def windows(figures: Sequence[Availability], target: float) -> Iterator[str]:
    """What is the same over the day, the week and the month is shown once."""
    said: list[tuple[list[str], str]] = []
    for figure in figures:
        words = _figure(figure, target)
        if said and said[-1][1] == words:
            said[-1][0].append(translated_word(figure.window, "window"))
        else:
            said.append(([translated_word(figure.window, "window")], words))
    for names, words in said:
        yield f"  {', '.join(names):<6}{' ' if len(names) > 1 else ''}{words}"


def _figure(figure: Availability, target: float) -> str:
    if figure.percent is None:
        return translated("nothing was asked")
    # Never rounded up: 99.8999 is not 99.9.
    told = f"{math.floor(figure.percent * 1000 + 1e-6) / 1000:.3f} %"
    if figure.asked < _WHOLE * figure.seconds:
        told += translated(" of {duration}", duration=format_duration(figure.asked))
    if not figure.meets(target):
        told += translated(" (below {target:g} %)", target=target)
    if figure.down:
        told += translated(", down {duration}", duration=format_duration(figure.down))
    told += translated_count(", {count} restart", ", {count} restarts", figure.restarts)
    if figure.held is not None:
        told += translated(", each held {duration} on average", duration=format_duration(figure.held))
    return told


def _memory(points: Sequence[tuple[float, float]], playbook: Playbook) -> str:
    values = [value for _, value in points]
    limit = playbook.memory_limit
    at_most = f", the limit is {format_size(limit)}" if isinstance(limit, int) else ""
    span = format_duration(points[-1][0] - points[0][0])
    least, most = format_size(min(values)), format_size(max(values))
    between = f"{least} to {most}" if least != most else f"always {most}"
    now = f"{format_size(values[-1])} now, " if least != most else ""
    return f"{curve(values)} {now}{between} in {span}{at_most}"


def death_words(one: ShimRecord, why: str, now: float) -> str:
    """When a process of it ended, how, after how long, and what it said last."""
    ended = one.ended or now
    lived = format_duration(max(0.0, ended - one.started))
    lived = translated("at most {duration}", duration=lived) if one.end_is_unknown else lived
    ago = format_duration(max(0.0, now - ended))
    told = translated("{ago} ago: pid {pid} {why} after {lived}", ago=ago, pid=one.pid, why=retold(why), lived=lived)
    if one.peak_rss:
        told += translated(", at most {size}", size=format_size(one.peak_rss))
    return told + (f": {printable(one.last_lines[-1])[:100]}" if one.last_lines else "")


def curve(values: Sequence[float], columns: int = _CURVE) -> str:
    """A line of bars; each column is the mean of its share of the values."""
    if not values:
        return ""
    columns = min(columns, len(values))
    edges = [len(values) * column // columns for column in range(columns + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low = min(means)
    height = max(max(means) - low, _NOISE * abs(max(means)))
    steps = len(_BARS) - 1
    return "".join(_BARS[round((mean - low) / height * steps) if height else 0] for mean in means)
