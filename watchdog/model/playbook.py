"""The policy of one service, checked and complete: what a playbook file says after `config/` has read it."""

from __future__ import annotations

from typing import Any, Literal

from watchdog.model.records import record
from watchdog.model.routes import Route
from watchdog.model.selector import Selector

Mode = Literal["observe", "ask", "act"]


@record(frozen=True)
class Ready:
    """When a start counts as done."""

    within: float = 60.0  # seconds
    url: str | None = None  # None: the first http probe, or the port
    notify: bool = False  # the server must say READY=1 as well (sd_notify)
    warm_up: str | None = None  # asked once after the first good answer, its result ignored


@record(frozen=True)
class Limits:
    """What one service may use. None: as much as the machine gives."""

    memory: int | None = None  # bytes
    open_files: int | None = None
    nice: int | None = None


@record(frozen=True)
class Start:
    """How the service is started; never through a shell."""

    command: tuple[str, ...] = ()
    cwd: str | None = None  # absolute; relative paths are meant from the home
    env: tuple[tuple[str, str], ...] = ()
    env_file: str | None = None
    user: str | None = None
    listen: tuple[str, ...] = ()  # "127.0.0.1:8000", "unix:/run/shop.sock": the shim holds the sockets
    log: str | None = None  # None: start.log beside the service's state
    fallback: tuple[str, ...] = ()  # tried when the command does not come up
    limits: Limits = Limits()
    heartbeat: float = 0.0  # seconds within which the server is to say WATCHDOG=1: what its heartbeat probe allows
    through: str | None = None  # "systemd:shop.service", "supervisor:shop", "docker:shop": the manager that starts it
    ready: Ready = Ready()


@record(frozen=True)
class Threshold:
    """How often a probe must fail before it counts: 3 in a row (3 of 3), or 3 of the last 5."""

    fails: int = 3
    of: int = 3
    lasting: float = 0.0  # seconds the trouble must hold ("for: 1m")


@record(frozen=True)
class Percent:
    """A share of a limit or of a total, where a plain number would be bytes or a count."""

    value: float

    def __str__(self) -> str:
        return f"{self.value:g}%"


@record(frozen=True)
class ProbeSpec:
    """One question asked again and again. `kind` names the file in `probes/`, `settings` are its own."""

    name: str
    # http, tcp, process, memory, cpu, log, command, stdio, fds, threads, disk, queue, certificate, system-memory
    kind: str
    subject: Any  # the value behind the kind: a URL, a size, a path, a list of words
    every: float = 30.0
    timeout: float = 5.0
    threshold: Threshold = Threshold()
    settings: tuple[tuple[str, Any], ...] = ()

    def setting(self, name: str, otherwise: Any = None) -> Any:
        return dict(self.settings).get(name, otherwise)


@record(frozen=True)
class CheckSpec:
    """One consistency question about data or surroundings. `kind` names the file in `checks/`."""

    name: str
    kind: str  # command, sqlite, pidfile, lockfile, disk, port
    subject: Any
    timeout: float = 60.0
    settings: tuple[tuple[str, Any], ...] = ()

    def setting(self, name: str, otherwise: Any = None) -> Any:
        return dict(self.settings).get(name, otherwise)


@record(frozen=True)
class TriggerSpec:
    """What starts which runbook; `run` is a ladder, tried in order."""

    kind: Literal["probe", "cron", "every", "death", "log", "trend", "alert"]
    subject: str  # the probe's name, the cron line, the pattern
    run: tuple[str, ...]
    every: float = 0.0
    settings: tuple[tuple[str, Any], ...] = ()


@record(frozen=True)
class Backoff:
    """Waits between restarts: first, then each `factor` times longer, up to `most`; forgotten after healthy time."""

    first: float = 1.0
    factor: float = 2.0
    most: float = 300.0
    reset_after: float = 600.0


@record(frozen=True)
class GiveUp:
    """After so many restarts within so many seconds a person is called and nothing more is done."""

    restarts: int = 4
    within: float = 1800.0


@record(frozen=True)
class Policy:
    """How far wd may go by itself."""

    mode: Mode = "observe"
    backoff: Backoff = Backoff()
    give_up: GiveUp = GiveUp()
    # seconds after a start in which failures of a starting server do not count; None: as long as a start may take
    grace: float | None = None
    max_kills: int = 3  # servers one run may end
    quiet: tuple[tuple[str, float], ...] = ()  # (cron line, seconds): windows for planned restarts
    target: float = 99.9  # availability in percent
    per_hour: int = 6  # restarts of this service by the loop; 0: no bound
    per_hour_everywhere: int = 10  # restarts of all services by the loop; 0: no bound
    answer_within: float = 300.0  # seconds for which a person is asked in the mode ask
    same_cause: int = 0  # healings of one signature before a person is called; 0: no bound


@record(frozen=True)
class Sidecar:
    """How `wd sidecar` watches a child that speaks over its standard input and output."""

    framing: Literal["auto", "lines", "headers", "raw"] = "auto"
    limits: tuple[tuple[str, float], ...] = (("", 300.0), ("initialize", 60.0))  # (method, seconds); "": all others
    restarts: int = 3  # in a row
    healthy: float = 60.0  # seconds without a fault after which the count begins again
    queue: int = 8 << 20  # bytes that wait in each direction before the sender is slowed down
    grace: float = 2.0  # seconds from SIGTERM to SIGKILL
    ping: float = 0.0  # seconds of silence after which an MCP server is asked `ping`; 0: never
    lossy: tuple[str, ...] = ()  # methods whose messages are dropped when the queue is full
    replay: tuple[str, ...] = ()  # methods whose messages a new child gets again
    handshake: tuple[str, ...] = ()  # lines that a new child gets first
    terminal: tuple[str, ...] = ()  # names of events that end an answer, beside the usual ones
    deadlocks: float = 0.01  # share of requests that may hang before the fallback is started
    drops: float = 0.05  # share of messages that may be dropped before the fallback is started


@record(frozen=True)
class Playbook:
    """One service."""

    service: str
    find: Selector
    start: Start = Start()
    logs: tuple[str, ...] = ()  # absolute paths
    probes: tuple[ProbeSpec, ...] = ()
    checks: tuple[CheckSpec, ...] = ()
    triggers: tuple[TriggerSpec, ...] = ()
    policy: Policy = Policy()
    notify: tuple[Route, ...] = ()
    language: str = "en"  # of its reports and notifications
    sidecar: Sidecar | None = None
    path: str = ""  # the file it came from

    @property
    def receivers(self) -> tuple[str, ...]:
        """Every address of every route, once."""
        return tuple(dict.fromkeys(address for route in self.notify for address in route.to))

    @property
    def http_probes(self) -> tuple[ProbeSpec, ...]:
        return tuple(probe for probe in self.probes if probe.kind == "http")

    @property
    def memory_probes(self) -> tuple[ProbeSpec, ...]:
        return tuple(probe for probe in self.probes if probe.kind == "memory")

    @property
    def cpu_probes(self) -> tuple[ProbeSpec, ...]:
        return tuple(probe for probe in self.probes if probe.kind == "cpu")

    @property
    def memory_limit(self) -> int | Percent | None:
        """What the first memory probe allows."""
        return next((probe.subject for probe in self.memory_probes), None)

    @property
    def url(self) -> str | None:
        """The address of the first http probe; a path alone is meant on the service's port of this machine."""
        subject = next((probe.subject for probe in self.http_probes), None)
        if isinstance(subject, str) and subject.startswith("/"):
            return f"http://127.0.0.1:{self.find.port}{subject}"
        return subject if isinstance(subject, str) else None
