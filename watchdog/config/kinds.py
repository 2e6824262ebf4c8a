"""The kinds of probes, checks and triggers that a playbook may name, each with the settings that are its own.

A new kind is one class here and one entry in its table. The value behind the kind's own key is the `subject`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from watchdog.config.fields import Choice, Literal, Many, Switch, Text, Whole, Words, check_pattern
from watchdog.config.measures import DAY, CountOrShare, CronLine, Duration, Fails, Share, Size
from watchdog.config.places import Address, Link, Location
from watchdog.library.shelf import SAFE_NAME
from watchdog.model.playbook import Percent, Threshold

File = Annotated[str, Location()]
Command = Annotated[tuple[str, ...], Words()]
Phrase = Annotated[str, Text()]
Count = Annotated[int, Whole(1, 1_000_000)]
Flag = Annotated[bool, Switch()]
Room = Annotated[int | Percent, Size(share=True)]
Window = Annotated[float, Duration(1.0, DAY)]
Runbooks = Annotated[tuple[str, ...], Many(Text("the name of a runbook, without .md", SAFE_NAME))]


class Section(BaseModel):
    """A mapping with known keys."""

    # Built when the first playbook is read, and only as parts of the whole: thirty validators of their own cost 40 ms.
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


class Probe(Section):
    """What every probe may say."""

    kind: ClassVar[str]
    every: Annotated[float, Duration(0.1, DAY)] = Field(default=30.0, description="how often it is asked")
    timeout: Annotated[float, Duration(0.01, 3600.0)] = Field(default=5.0, description="total time for one answer")
    fails: Annotated[Threshold, Fails()] = Field(default=Threshold(), description='3 in a row, or "3 of 5"')
    lasting: Annotated[float, Duration(0.1, DAY)] = Field(default=0.0, alias="for", description="how long it must last")


class HttpProbe(Probe):
    """Does it answer? The only probe that sees a hang for sure."""

    kind = "http"
    subject: Annotated[str, Link()] = Field(alias="http", description="an address, or a path on the service's port")
    status: Annotated[tuple[int, ...], Many(Whole(100, 599, "a status"))] | None = Field(
        default=None, description="the statuses that count as good; else any below 400"
    )
    contains: Phrase | None = Field(default=None, description="a text that the answer must contain")
    fields: dict[Phrase, Annotated[Any, Literal()]] | None = Field(
        default=None, alias="json", description="fields of a JSON answer with their values: {status: ok, db.state: up}"
    )
    slow: Annotated[float, Duration(0.001, 3600.0)] | None = Field(
        default=None, description="a good answer that took longer is slow"
    )


class TcpProbe(Probe):
    """Can it be connected to? It cannot see a hang: the kernel answers for the server."""

    kind = "tcp"
    subject: Annotated[str, Address()] = Field(alias="tcp", description="a port of this machine, or HOST:PORT")


class ProcessProbe(Probe):
    """Is the right program there, in the right number?"""

    kind = "process"
    subject: Annotated[int, Whole(1, 10_000)] = Field(alias="process", description="at least so many processes")
    most: Annotated[int, Whole(1, 10_000)] | None = Field(default=None, description="at most so many")


class MemoryProbe(Probe):
    """The memory of the whole tree."""

    kind = "memory"
    subject: Room = Field(alias="memory", description="a size, or a share of the limit")


class SystemMemoryProbe(Probe):
    """The machine's memory in use, of its real total or the control group's limit."""

    kind = "system-memory"
    subject: Annotated[Percent, Share()] = Field(alias="system-memory", description="so much in use is too much")


class CpuProbe(Probe):
    """The CPU of the whole tree."""

    kind = "cpu"
    subject: Annotated[Percent, Share(100_000.0)] = Field(alias="cpu", description="100% is one core")


class LogProbe(Probe):
    """A line that should not come, or lines that should and do not."""

    kind = "log"
    subject: Phrase = Field(alias="log", description="a text to look for; with `silence` the path of the log")
    file: File | None = Field(default=None, description="the log to look in; else all of `logs`")
    regex: Flag | None = Field(default=None, description="the text is a regular expression")
    count: Count | None = Field(default=None, description="so many lines are too many; else 1")
    within: Window | None = Field(default=None, description="counted over this time; else 1m")
    silence: Annotated[float, Duration(1.0, 30 * DAY)] | None = Field(
        default=None, description="no new line for this long"
    )

    @model_validator(mode="after")
    def _fits(self) -> LogProbe:
        if self.silence and (self.regex or self.count or self.within or self.file):
            raise ValueError("with silence the value is the log's path; regex, count, within and file do not fit")
        if self.regex:
            check_pattern(self.subject)
        return self


class CommandProbe(Probe):
    """A program of yours: exit 0 is ok, 1 slow, 2 failed, anything else unknown, as Nagios plugins say it."""

    kind = "command"
    subject: Command = Field(alias="command", description="the program and its arguments")
    cwd: File | None = Field(default=None, description="its folder; else the home")


class StdioProbe(Probe):
    """Do the pipes between a program and its child move? For servers that speak over stdin and stdout."""

    kind = "stdio"
    subject: Annotated[str, Choice(("pipes", "true"))] = Field(alias="stdio", description="pipes")


class DescriptorsProbe(Probe):
    """Open files and sockets of the process that has most."""

    kind = "fds"
    subject: Annotated[int | Percent, CountOrShare(10_000_000)] = Field(
        alias="fds", description="so many, or so much of its limit, are too many"
    )


class ThreadsProbe(Probe):
    """Threads of the whole tree."""

    kind = "threads"
    subject: Count = Field(alias="threads", description="so many are too many")


class DiskProbe(Probe):
    """Room on the file system of a path."""

    kind = "disk"
    subject: File = Field(alias="disk", description="a path on the file system")
    free: Room = Field(default=Percent(5.0), description="less than this free is too little")


class QueueProbe(Probe):
    """Connections that wait to be accepted: they grow when a server hangs, and asking costs nothing."""

    kind = "queue"
    subject: Count = Field(alias="queue", description="so many are too many")


class CertificateProbe(Probe):
    """Days until a certificate ends."""

    kind = "certificate"
    subject: Annotated[str, Address()] = Field(alias="certificate", description="HOST:PORT that shows it")
    left: Annotated[float, Duration(60.0, 3650 * DAY)] = Field(
        default=14 * DAY, description="less than this is too little"
    )


class Check(Section):
    """What every check may say."""

    kind: ClassVar[str]
    timeout: Annotated[float, Duration(0.01, DAY)] = Field(default=60.0, description="it is ended after this time")


class CommandCheck(Check):
    """A program of yours: exit 0 is ok, 1 a warning, 2 critical, anything else unknown."""

    kind = "command"
    subject: Command = Field(alias="command", description="the program and its arguments")
    cwd: File | None = Field(default=None, description="its folder; else the home")


class SqliteCheck(Check):
    """Is the database file sound?"""

    kind = "sqlite"
    subject: File = Field(alias="sqlite", description="the database file")


class PidfileCheck(Check):
    """Does a pid file name a process that is not there any more?"""

    kind = "pidfile"
    subject: File = Field(alias="pidfile", description="the pid file")


class LockfileCheck(Check):
    """Does a lock file stand there that nobody holds?"""

    kind = "lockfile"
    subject: File = Field(alias="lockfile", description="the lock file")


class DiskCheck(Check):
    """Is there room on the file system of a path?"""

    kind = "disk"
    subject: File = Field(alias="disk", description="a path on the file system")
    free: Room = Field(default=Percent(5.0), description="less than this free is critical")


class PortCheck(Check):
    """Does somebody else hold the port?"""

    kind = "port"
    subject: Annotated[int, Whole(1, 65535, "a port")] = Field(alias="port", description="the port that must be ours")


class Trigger(Section):
    """What starts a runbook."""

    kind: ClassVar[str]
    run: Runbooks = Field(description="a runbook, or a ladder of them: the next is tried if one did not help")


class OnTrigger(Trigger):
    """A probe of this playbook that failed often enough, or `death`: the server ended and nobody asked it to."""

    kind = "on"
    subject: Annotated[str, Text("the name of a probe, or death")] = Field(alias="on")


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


PROBES: tuple[type[Probe], ...] = (
    HttpProbe,
    TcpProbe,
    ProcessProbe,
    MemoryProbe,
    SystemMemoryProbe,
    CpuProbe,
    LogProbe,
    CommandProbe,
    StdioProbe,
    DescriptorsProbe,
    ThreadsProbe,
    DiskProbe,
    QueueProbe,
    CertificateProbe,
)
CHECKS: tuple[type[Check], ...] = (CommandCheck, SqliteCheck, PidfileCheck, LockfileCheck, DiskCheck, PortCheck)
TRIGGERS: tuple[type[Trigger], ...] = (OnTrigger, CronTrigger, EveryTrigger, LogTrigger, DeathTrigger, TrendTrigger)
GROWING = ("memory", "system-memory", "fds", "threads", "disk")  # the kinds whose trend can be told
