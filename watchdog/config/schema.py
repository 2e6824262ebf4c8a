"""What a playbook file may say: every key with its kind, its range and its default. Nothing else is accepted.

The descriptions are what an editor shows (`wd schema`), so they are written for the person who writes the playbook.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from watchdog.config.fields import (
    AnyText,
    Choice,
    Many,
    Number,
    OneOf,
    Switch,
    Text,
    Whole,
    Words,
    check_pattern,
)
from watchdog.config.kinds import CHECKS, PROBES, TRIGGERS, Check, Command, File, Probe, Section, Trigger
from watchdog.config.measures import DAY, CronLine, Duration, Share, Size, written
from watchdog.config.places import Address, Link, Location
from watchdog.config.receivers import Receivers, RouteEntry
from watchdog.library.shelf import SAFE_NAME
from watchdog.model.playbook import Percent
from watchdog.text.language import LANGUAGES

Name = Annotated[str, Text("a name of letters, digits, . _ and -, at most 64, safe as a file name", SAFE_NAME)]
Variable = Annotated[str, Text("a name of letters, digits and _", r"[A-Za-z_][A-Za-z0-9_]*")]
Manager = Text(
    "systemd:UNIT, systemd-user:UNIT, supervisor:NAME, runit:FOLDER, pm2:NAME, circus:NAME, service:NAME, docker:NAME "
    "or podman:NAME",
    r"(?:(?:systemd|systemd-user|supervisor|pm2|circus|docker|podman):[A-Za-z0-9@_.:\\][A-Za-z0-9@_.:\\-]*"
    r"|runit:[A-Za-z0-9@_./][A-Za-z0-9@_./-]*|service:[A-Za-z0-9@_.][A-Za-z0-9@_. -]*)",
)
USER = r"[A-Za-z0-9_][A-Za-z0-9._-]*"


class Find(Section):
    """How the server is recognised."""

    port: Annotated[int, Whole(1, 65535, "a port")] | None = Field(default=None, description="where it listens")
    cmdline: Annotated[tuple[str, ...], Words("the program's command line")] | None = Field(
        default=None, description="words of its command line, in order; another program on the port is a finding"
    )
    regex: Annotated[bool, Switch()] = Field(default=False, description="cmdline is one regular expression")

    user: Annotated[str, Text("a user's name", USER)] | None = Field(
        default=None, description="only processes of this user; another user's is another program"
    )
    cwd: File | None = Field(
        default=None, description="only processes that work in this folder; tells apart what has the same cmdline"
    )

    @model_validator(mode="before")
    @classmethod
    def _pattern_stays_whole(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("regex") == "true" and isinstance(data.get("cmdline"), str):
            check_pattern(data["cmdline"])
            return {**data, "cmdline": [data["cmdline"]]}
        return data

    @model_validator(mode="after")
    def _not_empty(self) -> Find:
        if self.port is None and self.cmdline is None:
            raise ValueError("give a port, or a cmdline, or both: an empty find means nothing")
        if self.cmdline is None and (self.user or self.cwd):
            raise ValueError("user and cwd narrow a cmdline: give a cmdline too")
        return self


class Ready(Section):
    """When a start counts as done."""

    within: Annotated[float, Duration(0.1, DAY)] = Field(
        default=60.0, description="until then a server that still starts is not a failure"
    )
    url: Annotated[str, Link()] | None = Field(default=None, description="asked until it answers; else the http probe")
    notify: Annotated[bool, Switch()] = Field(
        default=False, description="the server must also send READY=1 to NOTIFY_SOCKET (sd_notify, Linux)"
    )
    warm_up: Annotated[str, Link()] | None = Field(default=None, description="asked once after the first good answer")


class Limits(Section):
    """What the service may use; set before its program runs."""

    memory: Annotated[int, Size()] | None = Field(
        default=None, description="of all its processes (control group); else of each process by itself"
    )
    open_files: Annotated[int, Whole(16, 1_000_000)] | None = Field(
        default=None, description="open files and sockets of each process"
    )
    nice: Annotated[int, Whole(-20, 19)] | None = Field(
        default=None, description="its priority: 19 is the lowest; only root may go below 0"
    )


class Start(Section):
    """How the service is started: the command itself, never a shell; or the manager that owns it."""

    command: Command | None = Field(default=None, description="the program and its arguments")
    cwd: File | None = Field(default=None, description="its folder, absolute or from the home")
    env: dict[Variable, Annotated[str, AnyText()]] = Field(
        default_factory=dict, description="variables beside PATH, HOME and LANG; nothing else is handed on"
    )
    env_file: File | None = Field(default=None, description="a file of NAME=value lines")
    user: Annotated[str, Text("a user's name", USER)] | None = Field(
        default=None, description="who runs it, where root starts it"
    )
    listen: Annotated[tuple[str, ...], Many(Address(path=True))] = Field(
        default=(), description="addresses that wd opens, keeps open and hands to the server (Linux)"
    )
    log: File | None = Field(default=None, description="where its output goes; else start.log in wd's own folder")
    fallback: Command | None = Field(default=None, description="tried when the command does not come up")
    limits: Limits = Field(default_factory=Limits, description="what it may use (Linux and macOS)")
    through: Annotated[str, Manager] | None = Field(default=None, description="the manager that starts and stops it")
    ready: Ready = Field(default_factory=Ready, description="when a start counts as done")

    @model_validator(mode="after")
    def _one_way(self) -> Start:
        if self.through and (self.command or self.fallback):
            raise ValueError("give either a command or the manager it goes through, not both")
        if self.through and self.listen:
            raise ValueError("listen needs a command: a manager opens the sockets of what it starts itself")
        if self.through and self.limits != Limits():
            raise ValueError("limits need a command: a manager sets the limits of what it starts itself")
        if self.fallback and not self.command:
            raise ValueError("a fallback needs the command that it stands in for")
        return self


class Backoff(Section):
    """Waits between restarts."""

    first: Annotated[float, Duration(0.01, DAY)] = Field(default=1.0, description="before the second restart")
    factor: Annotated[float, Number(1.0, 100.0)] = Field(default=2.0, description="each wait is so many times longer")
    most: Annotated[float, Duration(0.01, 7 * DAY)] = Field(default=300.0, alias="max", description="the longest wait")
    reset_after: Annotated[float, Duration(1.0, 30 * DAY)] = Field(
        default=600.0, description="healthy for this long: the waits start from the beginning"
    )

    @model_validator(mode="after")
    def _grows(self) -> Backoff:
        if self.most < self.first:
            raise ValueError("max must not be shorter than first")
        return self


class GiveUp(Section):
    """After so many restarts within so long a person is called, and nothing more is done."""

    restarts: Annotated[int, Whole(1, 1000)] = Field(default=4, description="so many")
    within: Annotated[float, Duration(1.0, 30 * DAY)] = Field(default=1800.0, description="in so long")


class Quiet(Section):
    """A window for planned restarts."""

    cron: Annotated[str, CronLine()] = Field(description="when it begins")
    lasting: Annotated[float, Duration(60.0, 7 * DAY)] = Field(alias="for", description="how long it is")


class Policy(Section):
    """How far wd may go by itself."""

    mode: Annotated[str, Choice(("observe", "ask", "act"))] = Field(
        default="observe", description="observe: say what would be done; ask: a person first; act: do it"
    )
    answer_within: Annotated[float, Duration(1.0, DAY)] = Field(
        default=300.0, description="so long a person is asked in the mode ask; no answer is a no"
    )
    backoff: Backoff = Field(default_factory=Backoff, description="waits between restarts")
    give_up: GiveUp = Field(default_factory=GiveUp, description="when a person is called")
    grace: Annotated[float, Duration(0.0, DAY)] | None = Field(
        default=None, description="so long after its start a server's failures do not count; else `start.ready.within`"
    )
    max_kills: Annotated[int, Whole(1, 100)] = Field(default=3, description="servers that one run may end")
    quiet: list[Quiet] = Field(default_factory=list, description="windows for planned restarts; none: any time")
    target: Annotated[Percent, Share()] = Field(default=Percent(99.9), description="availability to be reached")
    per_hour: Annotated[int, Whole(0, 1000)] = Field(
        default=6, description="restarts of this service in an hour by the loop; 0: no bound"
    )
    per_hour_everywhere: Annotated[int, Whole(0, 10_000)] = Field(
        default=10, description="restarts of all services in an hour by the loop; 0: no bound"
    )
    same_cause: Annotated[int, Whole(0, 1000)] = Field(
        default=0, description="healings of one and the same cause before a person is called; 0: no bound"
    )


class Sidecar(Section):
    """How `wd sidecar` watches a server that speaks over its standard input and output."""

    framing: Annotated[str, Choice(("auto", "lines", "headers", "raw"))] = Field(
        default="auto", description="lines: one JSON object a line; headers: Content-Length; raw: not JSON"
    )
    limit: Annotated[float, Duration(0.1, DAY)] = Field(default=300.0, description="time for the answer to a request")
    limits: dict[Annotated[str, Text()], Annotated[float, Duration(0.1, DAY)]] = Field(
        default_factory=dict, description="the same for requests of one method (initialize: 1m)"
    )
    restarts: Annotated[int, Whole(0, 100)] = Field(default=3, description="this many in a row, then wd gives up")
    healthy: Annotated[float, Duration(1.0, DAY)] = Field(
        default=60.0, description="after this time without a fault the count is 0 again"
    )
    queue: Annotated[int, Size()] = Field(
        default=8 << 20, description="bytes that wait in each direction; then the sender waits"
    )
    grace: Annotated[float, Duration(0.0, 600.0)] = Field(default=2.0, description="time from SIGTERM to SIGKILL")
    ping: Annotated[float, Duration(1.0, DAY)] | None = Field(
        default=None, description="send `ping` after this time without a message; else an idle server is not asked"
    )
    lossy: Annotated[tuple[str, ...], Many(Text())] = Field(
        default=(), description="methods whose messages are dropped when the queue is full"
    )
    replay: Annotated[tuple[str, ...], Many(Text())] = Field(
        default=(), description="methods whose messages a new server gets again"
    )
    handshake: Annotated[tuple[str, ...], Many(AnyText())] = Field(
        default=(), description="lines that a new server gets first"
    )
    terminal: Annotated[tuple[str, ...], Many(Text())] = Field(
        default=(), description="names of events that end an answer, beside the usual ones"
    )
    deadlocks: Annotated[Percent, Share()] = Field(
        default=Percent(1.0), description="share of requests that may hang before `start.fallback` is started"
    )
    drops: Annotated[Percent, Share()] = Field(
        default=Percent(5.0), description="share of messages that may be dropped before `start.fallback` is started"
    )


class PlaybookFile(Section):
    """The policy of one service: what it is, what is asked of it, what is done when, and how often at most."""

    service: Name = Field(description="its name: on the command line, in reports and in file names")
    find: Find = Field(description="how it is recognised")
    start: Start = Field(default_factory=Start, description="how it is started")
    logs: Annotated[tuple[str, ...], Many(Location())] = Field(default=(), description="absolute, or from the home")
    probes: dict[Name, Annotated[Probe, OneOf(PROBES, "a probe")]] = Field(
        default_factory=dict, description="questions asked again and again"
    )
    checks: dict[Name, Annotated[Check, OneOf(CHECKS, "a check")]] = Field(
        default_factory=dict, description="is what it owns sound? asked before a start and by `wd check NAME`"
    )
    triggers: list[Annotated[Trigger, OneOf(TRIGGERS, "a trigger")]] = Field(
        default_factory=list, description="what starts which runbook"
    )
    policy: Policy = Field(default_factory=Policy, description="how far wd may go by itself")
    # A plain address stays a text. The section stands here for the names of its keys in mistakes.
    notify: Annotated[tuple[RouteEntry, ...], Receivers()] = Field(
        default=(), description="who is notified: Apprise addresses, or routes with `to`, `severity`, `hours`"
    )
    language: Annotated[str, Choice(LANGUAGES)] = Field(
        default="en", description="of its reports and notifications: en or ja"
    )
    sidecar: Sidecar | None = Field(default=None, description="how `wd sidecar` watches it")

    @model_validator(mode="before")
    @classmethod
    def _empty_sections_are_absent(cls, data: Any) -> Any:
        # Somebody who comments out all entries of a section leaves its key behind.
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _listens_where_it_is_found(self) -> PlaybookFile:
        ports = {int(one.rpartition(":")[2]) for one in self.start.listen if not one.startswith("unix:")}
        if self.find.port and ports and self.find.port not in ports:
            raise ValueError(f"start.listen names port {min(ports)}, and find.port is {self.find.port}")
        return self


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a playbook, for editors that complete and check while one writes."""
    schema = PlaybookFile.model_json_schema(by_alias=True)
    _readable(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "wd playbook", **schema}


def _readable(part: Any) -> None:
    """Defaults as people write them (30s, 5%, 3), none where there is none, and no made-up titles."""
    if isinstance(part, list):
        for one in part:
            _readable(one)
    if not isinstance(part, dict):
        return
    if isinstance(part.get("title"), str):
        part.pop("title")
    default = part.get("default")
    if isinstance(default, float) and "pattern" in part:
        part["default"] = written(default)
    elif isinstance(default, dict) and "value" in default:
        part["default"] = f"{default['value']:g}%"
    elif isinstance(default, dict) and "fails" in default:
        part["default"] = default["fails"]
    elif isinstance(default, dict) or (default is None and "default" in part):
        part.pop("default")
    for one in part.values():
        _readable(one)
