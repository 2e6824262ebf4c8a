"""`wd explain`: what the policy of a service will do, and when, in the words of the person on call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from watchdog.model.errors import WrongUsage
from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.policy.explain import Detection, Explanation, explain, shown
from watchdog.policy.patience import DRAIN
from watchdog.policy.pressure import SETTLES
from watchdog.probes.registry import KINDS
from watchdog.steps.spec import Context, StepResult
from watchdog.text.shown import joined
from watchdog.text.units import format_duration as long
from watchdog.text.units import format_size

_MODES = {
    "observe": "it only says what it would do",
    "ask": "it asks the person at the terminal of `wd watch` first, for {}; no answer is a no",
    "act": "it acts by itself",
}


def explain_service(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Earliest and latest kill after a hang begins, the delays of restarts, when it gives up, who is notified."""
    playbook = context.playbook
    if playbook is None:
        raise WrongUsage("no service was named", todo="Name one: --service NAME")
    found = explain(playbook)
    return StepResult("ok", next(in_words(playbook, found)), found.record(), text=joined(in_words(playbook, found)))


def in_words(playbook: Playbook, found: Explanation) -> Iterator[str]:
    """What it will do, line by line."""
    mode = _MODES[found.mode].format(long(playbook.policy.answer_within))
    yield f"{found.service}: mode {found.mode}: {mode}"
    yield ""
    for probe in playbook.probes:
        yield f"  asks {_probe(probe)}"
    yield from _after_trouble(playbook, found)
    yield ""
    delays = ", ".join(long(seconds) if seconds else "at once" for seconds in found.delays)
    yield f"  restarts in a row come after: {delays}; {long(found.reset_after)} of health resets them"
    restarts, within = found.give_up
    when = f", about {long(found.given_up_after)} after the first if none helps" if found.given_up_after else ""
    yield f"  gives up after {restarts} restarts within {long(within)}{when}, or after 3 deaths of one pattern"
    if found.per_hour:
        yield f"  never more than {found.per_hour} restarts an hour"
    yield (
        f"  tells {found.told} address{'es' if found.told != 1 else ''}"
        if found.told
        else "  tells nobody: no `notify`"
    )
    yield "  does nothing while the machine is starved, another wd works on it, or a person stopped or snoozed it"
    yield "  does nothing while it and another failing service wait for the same silent address, or both for a disk"
    yield f"  if all services (3 or more) fail at once, it restarts one after {long(SETTLES)}, the others if it helps"
    yield "  a dead or stopped server waits for none of these; up to 4 services are worked on side by side"


def _after_trouble(playbook: Playbook, found: Explanation) -> Iterator[str]:
    if not playbook.triggers:
        yield "  no trigger: whatever is seen is only told"
    for one in found.detections:
        yield ""
        yield from _detection(one, found, len(playbook.policy.quiet))
    for on, runbooks in found.others:
        yield f"  {on} -> {_ladder(runbooks)}"


def _good_moment(quiet: int) -> str:
    windows = "one of its quiet windows, and there " if quiet else ""
    return f"{windows}no request under way (for at most {long(DRAIN)})"


def _detection(one: Detection, found: Explanation, quiet: int) -> Iterator[str]:
    yield f"  {one.probe} in trouble -> {_ladder(one.runbooks)}"
    if one.measure:
        yield f"    runs {long(one.earliest)} to {long(one.latest)} after the limit is passed"
        yield f"    waits for a good moment: {_good_moment(quiet)}; a server that fails to answer is not waited for"
        return
    yield f"    kill at the earliest {long(one.earliest)} after a hang begins, at the latest {long(one.latest)}"
    yield f"    from {long(one.stopped)} on where it is stopped by a signal"
    yield f"    from {long(one.certain)} on where another second sign shows that it is stuck (nothing in it moves)"
    yield f"    while it shows signs of life it gets up to {long(one.patient)}"
    yield f"    evidence may take {long(found.evidence)} of the time before the kill"
    yield f"    a server that has not answered yet gets {long(found.grace)} from its own start"


def _probe(probe: ProbeSpec) -> str:
    lasting = f", for {long(probe.threshold.lasting)}" if probe.threshold.lasting else ""
    kind = KINDS.get(probe.kind)
    note = f" ({kind.weak})" if kind and kind.weak else ""
    subject = " ".join(probe.subject) if isinstance(probe.subject, tuple) else probe.subject
    if kind and kind.subject.value == "size-or-share" and isinstance(subject, int):
        subject = format_size(subject)
    asked = f"{probe.name} ({probe.kind} {subject}) every {long(probe.every)}, at most {long(probe.timeout)} each"
    return f"{asked}; trouble after {shown(probe.threshold)} failures{lasting}{note}"


def _ladder(runbooks: tuple[str, ...]) -> str:
    return ", then ".join(runbooks)
