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
from watchdog.text.language import marked, translated, translated_count, translated_word
from watchdog.text.shown import joined
from watchdog.text.units import format_duration as long
from watchdog.text.units import format_size

_MODES = {
    "observe": marked("{service}: mode observe: it only says what it would do"),
    "ask": marked(
        "{service}: mode ask: it asks the person at the terminal of `wd watch` first, for {duration}; no answer is a no"
    ),
    "act": marked("{service}: mode act: it acts by itself"),
}


_LIMIT = (
    marked("    runs {earliest} to {latest} after the limit is passed"),
    marked("    waits for a good moment: {moment}; a server that fails to answer is not waited for"),
)
_HANG = (
    marked("    kill at the earliest {earliest} after a hang begins, at the latest {latest}"),
    marked("    from {stopped} on where it is stopped by a signal"),
    marked("    from {certain} on where another second sign shows that it is stuck (nothing in it moves)"),
    marked("    while it shows signs of life it gets up to {patient}"),
    marked("    evidence may take {evidence} of the time before the kill"),
    marked("    a server that has not answered yet gets {grace} from its own start"),
)
_LEFT_ALONE = (
    marked("  does nothing while the machine is starved, another wd works on it, or a person stopped or snoozed it"),
    marked("  does nothing while it and another failing service wait for the same silent address, or both for a disk"),
    marked("  if all services (3 or more) fail at once, it restarts one after {duration}, the others if it helps"),
    marked("  a dead or stopped server waits for none of these; up to 4 services are worked on side by side"),
)


def explain_service(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Earliest and latest kill after a hang begins, the delays of restarts, when it gives up, who is notified."""
    playbook = context.playbook
    if playbook is None:
        raise WrongUsage("no service was named", todo="Name one: --service NAME")
    found = explain(playbook)
    return StepResult("ok", next(in_words(playbook, found)), found.record(), text=joined(in_words(playbook, found)))


def in_words(playbook: Playbook, found: Explanation) -> Iterator[str]:
    """What it will do, line by line."""
    yield translated(_MODES[found.mode], service=found.service, duration=long(playbook.policy.answer_within))
    yield ""
    for probe in playbook.probes:
        yield translated("  asks {probe}", probe=_probe(probe))
    yield from _after_trouble(playbook, found)
    yield ""
    delays = ", ".join(long(seconds) if seconds else translated("at once") for seconds in found.delays)
    words = marked("  restarts in a row come after: {delays}; {reset} of health resets them")
    yield translated(words, delays=delays, reset=long(found.reset_after))
    yield _give_up(found)
    if found.per_hour:
        yield translated("  never more than {count} restarts an hour", count=found.per_hour)
    if found.told:
        yield translated_count("  tells {count} address", "  tells {count} addresses", found.told)
    else:
        yield translated("  tells nobody: no `notify`")
    for line in _LEFT_ALONE:
        yield translated(line, duration=long(SETTLES))


def _give_up(found: Explanation) -> str:
    restarts, within = found.give_up
    when = ""
    if found.given_up_after:
        when = translated(", about {duration} after the first if none helps", duration=long(found.given_up_after))
    return translated(
        "  gives up after {count} restarts within {duration}{when}, or after 3 deaths of one pattern",
        count=restarts, duration=long(within), when=when,
    )  # fmt: skip


def _after_trouble(playbook: Playbook, found: Explanation) -> Iterator[str]:
    if not playbook.triggers:
        yield translated("  no trigger: whatever is seen is only told")
    for one in found.detections:
        yield ""
        yield from _detection(one, found, len(playbook.policy.quiet))
    for on, runbooks in found.others:
        yield f"  {on} -> {_ladder(runbooks)}"


def _good_moment(quiet: int) -> str:
    if quiet:
        words = marked("one of its quiet windows, and there no request under way (for at most {duration})")
        return translated(words, duration=long(DRAIN))
    return translated("no request under way (for at most {duration})", duration=long(DRAIN))


def _detection(one: Detection, found: Explanation, quiet: int) -> Iterator[str]:
    times = {name: long(getattr(one, name)) for name in ("earliest", "latest", "stopped", "certain", "patient")}
    times |= {"evidence": long(found.evidence), "grace": long(found.grace)}
    yield translated("  {probe} in trouble -> {runbooks}", probe=one.probe, runbooks=_ladder(one.runbooks))
    for line in _LIMIT if one.measure else _HANG:
        yield translated(line, **times, moment=_good_moment(quiet))


def _probe(probe: ProbeSpec) -> str:
    held = probe.threshold.lasting
    lasting = translated(", for {duration}", duration=long(held)) if held else ""
    kind = KINDS.get(probe.kind)
    note = f" ({translated_word(kind.weak, 'probe')})" if kind and kind.weak else ""
    subject = " ".join(probe.subject) if isinstance(probe.subject, tuple) else probe.subject
    if kind and kind.subject.value == "size-or-share" and isinstance(subject, int):
        subject = format_size(subject)
    asked = translated(
        "{name} ({kind} {subject}) every {every}, at most {timeout} each; trouble after {threshold} failures",
        name=probe.name, kind=probe.kind, subject=subject, every=long(probe.every), timeout=long(probe.timeout),
        threshold=shown(probe.threshold),
    )  # fmt: skip
    return f"{asked}{lasting}{note}"


def _ladder(runbooks: tuple[str, ...]) -> str:
    return translated(", then ").join(runbooks)
