"""A diagnosis on one screen: verdict, guilty line with its source, how long, the evidence, what to do now and after."""

from __future__ import annotations

import textwrap

from watchdog.model.causes import CAUSES, HEALTHY
from watchdog.model.evidence import Evidence
from watchdog.model.finding import Culprit, Diagnosis, Finding
from watchdog.report import advice
from watchdog.system.process import rights
from watchdog.text.printable import printable
from watchdog.text.shown import joined
from watchdog.text.units import counted, format_duration, format_size

WIDTH = 100
_AGAIN = "look again with more time (--within 60s)"
_DETAILS = 14  # lines
_MORE = 4  # further findings
_AROUND = 2  # source lines on each side of the guilty one


def screen(diagnosis: Diagnosis, evidence: Evidence) -> str:
    """Plain text, one line for each part; secrets are for the caller to take out."""
    lines = list(_head(diagnosis, evidence))
    if diagnosis.findings:
        first = diagnosis.findings[0]
        lines += ["", *_wrapped(first.summary)]
        lines += _source(first.culprit, evidence)
        lines += _section("", first.details[:_DETAILS])
        lines += _section("locals", _locals(first.culprit, evidence))
        lines += _facts(diagnosis, first, evidence)
        lines += _others(diagnosis)
    elif diagnosis.verdict == "unknown":
        lines += [
            "",
            *_wrapped(_seen(evidence)),
            *_field("now", f"look again with more time (--within 60s){_rights()}"),
        ]
    lines += _section("not seen", diagnosis.missing[:6])
    lines.append("")
    lines.append(
        f"looked for {format_duration(evidence.seconds)}, {counted(len(evidence.memory), 'look')}; nothing was touched"
    )
    return joined(line.rstrip() for line in lines)


def _rights() -> str:
    return "" if rights.sees_all() else f", or with more rights: {rights.remedy()}"


def _head(diagnosis: Diagnosis, evidence: Evidence) -> tuple[str, str]:
    tree = evidence.tree
    who = evidence.configured.service or (tree.service if tree else None)
    if tree is not None:
        where = " ".join(f":{port}" for port in tree.ports)
        what = f"{tree.framework or tree.root.name}, pid {tree.root.pid}"
        more = f" and {len(tree.members) - 1} more" if len(tree.members) > 1 else ""
        where = f"{who or ''} {where} ({what}{more})".strip()
    else:
        where = f"{who or 'the server'}: {'its process cannot be seen' if evidence.listeners else 'no process'}"
    sure = f"  ({diagnosis.findings[0].certainty})" if diagnosis.findings else ""
    meaning = CAUSES[diagnosis.verdict].meaning if diagnosis.verdict in CAUSES else ""
    return f"{diagnosis.verdict.upper()}: {meaning}{sure}", where


def _source(culprit: Culprit | None, evidence: Evidence) -> list[str]:
    if culprit is None:
        return []
    thread = f", thread {culprit.thread}" if culprit.thread else ""
    pid = f", pid {culprit.pid}" if culprit.pid else ""
    lines = ["", f"  {culprit.file}:{culprit.line} in {culprit.function}{thread}{pid}"]
    source = next((one for one in evidence.sources if one.path == culprit.file), None)
    for number, text in source.lines if source else ():
        if abs(number - culprit.line) <= _AROUND:
            lines.append(f"  {'>' if number == culprit.line else ' '} {number:>5} | {text[: WIDTH - 12]}")
    if source is not None and source.changed_since_start:
        lines.append("  (the file has changed since the process began: the line may not be the one that runs)")
    return lines


def _locals(culprit: Culprit | None, evidence: Evidence) -> list[str]:
    """Of the guilty call, as last seen; there are none unless somebody asked for them."""
    for look in reversed(evidence.stacks):
        for thread in look.threads:
            for frame in thread.frames:
                same = culprit and (frame.file, frame.line, look.pid) == (culprit.file, culprit.line, culprit.pid)
                if same and frame.locals:
                    return [f"{one.name} = {(one.text or '?')[:WIDTH]}" for one in frame.locals[:_DETAILS]]
    return []


def _facts(diagnosis: Diagnosis, first: Finding, evidence: Evidence) -> list[str]:
    lines = [""]
    if diagnosis.request:
        lines += _field("asked", diagnosis.request)
    if first.peer:
        lines += _field("peer", first.peer)
    lines += _field("seen", _seen(evidence))
    if first.evidence:
        lines += _field("from", ", ".join(first.evidence[:4]))
    lines += _field("now", advice.now(first, evidence))
    if first.prevent:
        lines += _field("after", first.prevent)
    return lines


def _seen(evidence: Evidence) -> str:
    parts = []
    if evidence.answers:
        kinds = sorted({answer.verdict for answer in evidence.answers})
        slowest = max(answer.seconds for answer in evidence.answers)
        parts.append(
            f"{counted(len(evidence.answers), 'question')} ({', '.join(kinds)}; "
            f"{format_duration(slowest)} at the longest)"
        )
    if evidence.memory and (last := evidence.memory[-1]).threads:
        parts.append(f"{format_size(last.rss)} of memory, {counted(last.threads, 'thread')}")
    if evidence.listeners:
        listener = evidence.listeners[-1][1]
        parts.append(f"{listener.queue} of {listener.backlog or '?'} in the accept queue")
    last_looks = {look.pid: look for look in evidence.tasks}.values()
    every = [task for look in last_looks for task in look.tasks]
    greenlets = sum(one.alike for one in every if one.greenlet)
    tasks = sum(one.alike for one in every if not one.greenlet)
    for count, what in ((tasks, "asyncio tasks"), (greenlets, "suspended greenlets")):
        if count:
            parts.append(f"{count} {what}")
    return "; ".join(parts) or "nothing"


def _others(diagnosis: Diagnosis) -> list[str]:
    rest = [one for one in diagnosis.findings[1:] if one.cause not in HEALTHY][:_MORE]
    return _section("also", [f"{one.cause} ({one.certainty}): {one.summary}"[: 2 * WIDTH] for one in rest])


def _section(title: str, lines: tuple[str, ...] | list[str]) -> list[str]:
    if not lines:
        return []
    return ["", *([title] if title else []), *(f"  {line}" for line in lines)]


def _field(name: str, text: str) -> list[str]:
    return textwrap.wrap(printable(text), WIDTH, initial_indent=f"{name:<7}", subsequent_indent=" " * 7) or [name]


def _wrapped(text: str) -> list[str]:
    """Set in: a name within the text could else stand at the beginning of a line and look like a verdict."""
    return textwrap.wrap(printable(text), WIDTH, initial_indent="  ", subsequent_indent="  ")
