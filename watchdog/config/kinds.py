"""Probes, checks and triggers as pydantic models. Probes and checks are made from what each kind says of itself.

The value behind the kind's own key is the `subject`. A trigger is one class here and one entry in its table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from watchdog.checks.kind import CheckKind
from watchdog.checks.run import KINDS as CHECK_KINDS
from watchdog.config.fields import Choice, Many, Switch, Text, Whole, Words, check_pattern
from watchdog.config.measures import DAY, CronLine, Duration, Fails
from watchdog.config.places import Location
from watchdog.config.values import VALUES
from watchdog.library.shelf import SAFE_NAME
from watchdog.model.kinds import Key
from watchdog.model.playbook import Threshold
from watchdog.probes.kind import ProbeKind
from watchdog.probes.registry import KINDS as PROBE_KINDS

File = Annotated[str, Location()]
Command = Annotated[tuple[str, ...], Words()]
Phrase = Annotated[str, Text()]
Count = Annotated[int, Whole(1, 1_000_000)]
Flag = Annotated[bool, Switch()]
Window = Annotated[float, Duration(1.0, DAY)]
Runbooks = Annotated[tuple[str, ...], Many(Text("the name of a runbook, without .md", SAFE_NAME))]


class Section(BaseModel):
    """A mapping with known keys."""

    # Built when the first playbook is read, and only as parts of the whole: thirty validators of their own cost 40 ms.
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


class Probe(Section):
    """What every probe may say."""

    kind: ClassVar[str]
    about: ClassVar[ProbeKind]
    every: Annotated[float, Duration(0.1, DAY)] = Field(default=30.0, description="how often it is asked")
    timeout: Annotated[float, Duration(0.01, 3600.0)] = Field(default=5.0, description="total time for one answer")
    fails: Annotated[Threshold, Fails()] = Field(default=Threshold(), description='3 in a row, or "3 of 5"')
    lasting: Annotated[float, Duration(0.1, DAY)] = Field(default=0.0, alias="for", description="how long it must last")

    @model_validator(mode="after")
    def _fits(self) -> Probe:
        given = {key.name for key in self.about.keys if getattr(self, _field(key)) is not None}
        alone = self.about.file_with
        if alone in given and len(given) > 1:
            others = ", ".join(key.name for key in self.about.keys if key.name != alone)
            raise ValueError(f"with {alone} the value is the log's path; {others} do not fit")
        if "regex" in given:
            check_pattern(self.subject)  # type: ignore[attr-defined]
        return self


class Check(Section):
    """What every check may say."""

    kind: ClassVar[str]
    about: ClassVar[CheckKind]
    timeout: Annotated[float, Duration(0.01, DAY)] = Field(default=60.0, description="it is ended after this time")


def _field(key: Key) -> str:
    return f"key_{key.name}"


def _made(kinds: Iterable[ProbeKind | CheckKind], base: type[Section]) -> tuple[type[Any], ...]:
    """One model a kind. Its fields beside those of `base` are the subject and the kind's own keys."""
    models = []
    for kind in kinds:
        fields: dict[str, Any] = {
            "subject": (VALUES[kind.subject.value](kind.subject), Field(alias=kind.name, description=kind.subject.help))
        }
        for key in kind.keys:
            value = VALUES[key.value](key)
            fields[_field(key)] = (value | None, Field(default=key.default, alias=key.name, description=key.help))
        name = kind.name.title().replace("-", "") + base.__name__
        model = create_model(name, __base__=base, __doc__=kind.summary, __module__=__name__, **fields)
        made = cast(Any, model)
        made.kind, made.about = kind.name, kind
        models.append(made)
    return tuple(models)


class Trigger(Section):
    """What starts a runbook."""

    kind: ClassVar[str]
    run: Runbooks = Field(description="a runbook, or a ladder of them: the next is tried if one did not help")


class OnTrigger(Trigger):
    """A probe of this playbook that failed often enough; `death`: the server ended and nobody asked it to; `alert`."""

    kind = "on"
    subject: Annotated[str, Text("the name of a probe, or death, or alert")] = Field(alias="on")


class CronTrigger(Trigger):
    """A time of the calendar."""

    kind = "cron"
    subject: Annotated[str, CronLine()] = Field(alias="cron")


class EveryTrigger(Trigger):
    """Again and again."""

    kind = "every"
    subject: Annotated[float, Duration(1.0, 365 * DAY)] = Field(alias="every")


class LogTrigger(Trigger):
    """A line in one of the service's logs."""

    kind = "log"
    subject: Phrase = Field(alias="log", description="a text to look for")
    file: File | None = Field(default=None, description="the log to look in; else all of `logs`")
    regex: Flag | None = Field(default=None, description="the text is a regular expression")
    count: Count | None = Field(default=None, description="so many lines; else 1")
    within: Window | None = Field(default=None, description="counted over this time; else 1m")

    @model_validator(mode="after")
    def _fits(self) -> LogTrigger:
        if self.regex:
            check_pattern(self.subject)
        return self


class DeathTrigger(Trigger):
    """The same as `on: death`."""

    kind = "death"
    subject: Annotated[str, Choice(("true",))] = Field(alias="death")


class TrendTrigger(Trigger):
    """A probe that will reach its limit soon, as it grows now."""

    kind = "trend"
    subject: Annotated[str, Text("the name of a probe of memory, fds, threads or disk")] = Field(alias="trend")
    within: Annotated[float, Duration(60.0, 30 * DAY)] = Field(
        default=3600.0, description="it will reach the limit within this time"
    )


PROBES: tuple[type[Probe], ...] = _made(PROBE_KINDS.values(), Probe)
CHECKS: tuple[type[Check], ...] = _made(CHECK_KINDS.values(), Check)
TRIGGERS: tuple[type[Trigger], ...] = (OnTrigger, CronTrigger, EveryTrigger, LogTrigger, DeathTrigger, TrendTrigger)
GROWING = tuple(kind.name for kind in PROBE_KINDS.values() if kind.limit)  # whose trend can be told
