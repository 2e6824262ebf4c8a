"""How `wd status` reads: one line for each service, or everything about one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from watchdog.commands.standing import Standing
from watchdog.model.launching import ShimRecord
from watchdog.model.playbook import Playbook
from watchdog.report.availability import Availability
from watchdog.text.printable import printable
from watchdog.text.units import counted, format_duration, format_size, iso

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
        yield f"ASKS: {printable(one.question)}{_answer_words(one)}"
    if one.gave_up:
        yield f"GAVE UP: {printable(one.gave_up)}; once fixed, run `wd resume {one.playbook.service}`"
    if one.desired.state == "snoozed":
        left = f" for {format_duration(one.desired.until - now)}" if one.desired.until is not None else ""
        yield f"snoozed{' until healthy' if one.desired.until_healthy else left}"
    if one.holder:
        yield f"under way: {printable(one.holder)}"
    if one.next_check is None and not one.holder:
        yield "nobody checks it: run `wd watch`"


def _answer_words(one: Standing) -> str:
    """How to answer, while that is possible."""
    return f"; `wd yes {one.playbook.service}` lets the loop do it" if one.approval else ""


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
        return f"next check in {format_duration(left)}" if left >= 1 else "next check now"
    if one.holder:
        return "the next check comes after that"
    last = f", last asked {format_duration(max(0.0, now - one.last_asked))} ago" if one.last_asked is not None else ""
    return f"nobody checks it{last}: run `wd watch`"


def windows(figures: Sequence[Availability], target: float) -> Iterator[str]:
    """What is the same over the day, the week and the month is shown once."""
    said: list[tuple[list[str], str]] = []
    for figure in figures:
        words = _figure(figure, target)
        if said and said[-1][1] == words:
            said[-1][0].append(figure.window)
        else:
            said.append(([figure.window], words))
    for names, words in said:
        yield f"  {', '.join(names):<6}{' ' if len(names) > 1 else ''}{words}"


def _figure(figure: Availability, target: float) -> str:
    if figure.percent is None:
        return "nothing was asked"
    part = f" of {format_duration(figure.asked)}" if figure.asked < _WHOLE * figure.seconds else ""
    mark = "" if figure.meets(target) else f" (below {target:g} %)"
    held = f", each held {format_duration(figure.held)} on average" if figure.held is not None else ""
    down = f", down {format_duration(figure.down)}" if figure.down else ""
    # Never rounded up: 99.8999 is not 99.9.
    percent = math.floor(figure.percent * 1000 + 1e-6) / 1000
    return f"{percent:.3f} %{part}{mark}{down}, {counted(figure.restarts, 'restart')}{held}"


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
    ago = f"{format_duration(max(0.0, now - (one.ended or now)))} ago"
    lived = "at most " if one.end_is_unknown else ""
    lived += format_duration(max(0.0, (one.ended or now) - one.started))
    peak = f", at most {format_size(one.peak_rss)}" if one.peak_rss else ""
    last = f": {printable(one.last_lines[-1])[:100]}" if one.last_lines else ""
    return f"{ago}: pid {one.pid} {why} after {lived}{peak}{last}"


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
