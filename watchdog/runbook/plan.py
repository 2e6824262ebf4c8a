"""A runbook and values to a plan: the very lines that will run, in order, for this system. Nothing is run here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from watchdog.config.mistakes import Mistake, bad_config, did_you_mean
from watchdog.model.errors import BadConfig, Refused, WrongUsage
from watchdog.model.procedure import Block, Runbook, RunPlan, StepCall
from watchdog.runbook.fill import Value, fill_words
from watchdog.steps.registry import SPECS
from watchdog.system import here

_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_ASIDE = re.compile(r"\0(\d+)\0")


def make_plan(runbook: Runbook, values: Mapping[str, str | int | float], service: str | None) -> RunPlan:
    """The plan. WrongUsage for a value that it does not take, or that is missing; BadConfig for faults of its own;
    Refused if a step needs a service and none is meant: a server must not be ended that cannot be started again.

    `values` are those that a person gave, the others take their defaults; `service` is there where the run has one.
    """
    filled = _values(runbook, values, service)
    mistakes: list[Mistake] = []
    calls: list[StepCall] = []
    for index, block in enumerate(runbook.blocks):
        if block.systems and here.NAME not in block.systems:
            continue
        calls += _calls(runbook, index, block, filled, mistakes)
    if mistakes:
        raise bad_config(f"the runbook {runbook.name} cannot be planned", mistakes)
    if not calls:
        why = "none of its blocks is for this system" if runbook.blocks else "it has no block marked wd, sh or bash"
        raise BadConfig(f"the runbook {runbook.name} holds nothing to run", why)
    needy = next((call.step for call in calls if call.step in SPECS and SPECS[call.step].service), None)
    if service is None and needy:
        why = f"the step `{needy}` of {runbook.name} needs one; nothing was touched"
        raise Refused("no service was named", why, f"Say which: `wd run {runbook.name} --service NAME`")
    return RunPlan(runbook, tuple(calls), runbook.blocks, service)


def _values(runbook: Runbook, values: Mapping[str, Value], service: str | None) -> dict[str, Value]:
    known = [parameter.name for parameter in runbook.parameters]
    for name in values:
        if name not in known:
            takes = f"it takes: {', '.join(known)}" if known else "it takes none"
            raise WrongUsage(f"the runbook {runbook.name} has no parameter {name!r}{did_you_mean(name, known)}", takes)
    found: dict[str, Value] = {"service": service} if service else {}
    for parameter in runbook.parameters:
        value = values.get(parameter.name, parameter.default)
        if value is None:
            help_text = f" ({parameter.help})" if parameter.help else ""
            raise WrongUsage(
                f"the runbook {runbook.name} needs a value for {parameter.name}{help_text}",
                todo=f"Give it with --set {parameter.name}=VALUE.",
            )
        found[parameter.name] = value
    return found


def _calls(
    runbook: Runbook, index: int, block: Block, values: Mapping[str, Value], mistakes: list[Mistake]
) -> Iterator[StepCall]:
    if block.language != "wd":
        script = "\n".join(text for _, text in block.lines)
        environment = tuple((name, str(value)) for name, value in values.items())
        if script.strip():
            yield StepCall((script,), index, block.line, block.language, environment)
        return
    for line, text in block.lines:
        try:
            yield StepCall(fill_words(split(text), values), index, line)
        except BadConfig as error:
            message = ": ".join(part for part in (error.what, error.why, error.todo) if part)
            mistakes.append(Mistake(runbook.path, line, 1, "", message))


def split(text: str) -> tuple[str, ...]:
    """A line's words, as a shell would split them; `{{ name }}` is one word, or a part of one, with its spaces.

    BadConfig for an open quote.
    """
    parts: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        parts.append(found[0])
        return f"\0{len(parts) - 1}\0"  # Markdown holds no NUL, so no text can look like this

    try:
        words = here.split(_TEMPLATE.sub(put_aside, text.replace("\0", "")))
    except ValueError:
        raise BadConfig(f"a quote is not closed in {text[:80]!r}") from None
    return tuple(_ASIDE.sub(lambda found: parts[int(found[1])], word) for word in words)
