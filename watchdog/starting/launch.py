"""Starting a service from wd's side: can it be started at all, the shim that will do it, and what shims have noted."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from watchdog.killing import finish
from watchdog.model.errors import Failed
from watchdog.model.launching import ShimRecord, StartResult
from watchdog.model.playbook import Policy, Start
from watchdog.model.process import Identity, Listener
from watchdog.system import clock, here
from watchdog.system.child import commands, service_env
from watchdog.system.disk import files, trust
from watchdog.system.host import accounts, managers
from watchdog.system.process import processes
from watchdog.system.shim import held, limits, notified, posts, spawn, standby
from watchdog.system.shim import records as notes
from watchdog.system.shim.line import Line
from watchdog.system.shim.orders import Order

# Seconds. An interpreter starts in a tenth of one, but not on a machine that is out of breath; one that ends says so.
_ARMED_WITHIN = 60.0
_RELIEVED_WITHIN = 0.5  # seconds for one that waits already; a new interpreter is there sooner than a stopped one
_ANSWER_WITHIN = 60.0
_INTERPRETERS = ("python", "pypy", "node", "ruby", "perl", "php", "bash", "sh")


def check_command(start: Start) -> str:
    """Why this cannot be started, asked before anything is killed; empty if nothing speaks against it."""
    return next(start_problems(start), "")


def start_problems(start: Start) -> Iterator[str]:
    """Everything that keeps this from being started on this machine, one sentence each. Nothing is run."""
    if start.through:
        try:
            reason = managers.why_not_usable(managers.parse(start.through))
        except ValueError as error:
            reason = str(error)
        if reason:
            yield reason
        return
    if not start.command:
        yield "the playbook has no start.command"
        return
    try:
        env = service_env.environment(start)
        cwd = start.cwd or accounts.home_of(start.user)
        owner = accounts.user_id(start.user)
    except (OSError, LookupError, ValueError) as error:
        yield _told(error)
        return
    if not accounts.is_admin() and accounts.our_id() != owner:
        yield f"the service runs as user {start.user}: only root can start it"
    yield from limits.problems(start.limits)
    if start.ready.notify and not notified.CAN_HEAR:
        yield "start.ready.notify: this system does not say who sent a READY=1; remove the line"
    if start.log and not Path(start.log).parent.is_dir():
        yield f"start.log: {Path(start.log).parent} is not a folder"
    if not Path(cwd).is_dir():
        yield f"start.cwd: {cwd} is not a folder"
        return
    for key, command in (("start.command", start.command), ("start.fallback", start.fallback)):
        if command and (problem := why_not_run(command, cwd, env["PATH"], owner)):
            yield f"{key}: {problem}"


def arm(
    start: Start,
    service: str,
    state: Path,
    doomed: Collection[Identity] = (),
    listeners: Collection[Listener] = (),
    port: int | None = None,
    through: Sequence[str] = (),
    policy: Policy | None = None,
    beside: Collection[Identity] = (),
) -> Shim:
    """Start the process that will start the service, also if wd dies now. Failed if it does not come to its post.

    `doomed` must be gone first, `listeners` are their sockets; `port` is the one the service listens on when it is up;
    `through` is the command of the manager that is known to keep it; `policy` bounds how often a shim that holds the
    sockets starts the service again by itself; `beside` are those that go on until the new server is proven.
    """
    policy = policy or Policy()
    acts = policy.mode == "act"
    place = _place(state, service)
    orders = managers.orders(managers.parse(start.through)) if start.through else None
    through = through or (orders.start if orders else ())
    order = Order(
        service=service,
        folder=str(place),
        command=list(start.command),
        fallback=list(start.fallback),
        cwd=start.cwd or accounts.home_of(start.user),
        # A manager's command is the person's tool, not the service: it is found and works as it does for them.
        env=commands.our_environment() if through else service_env.environment(start),
        user=start.user,
        log=start.log,
        through=list(through),
        within=start.ready.within,
        says_ready=start.ready.notify,
        ports=[port] if port else sorted({one.port for one in listeners}),
        port=port,
        doomed=[str(one) for one in doomed],
        beside=[str(one) for one in beside],
        inodes=[one.inode for one in listeners],
        listen=list(start.listen),
        limits=asdict(start.limits),
        restarts=policy.give_up.restarts if acts else 0,
        restarts_within=policy.give_up.within,
        pauses=[policy.backoff.first, policy.backoff.most],
        finish_command=finish.command(),
        standby=str(files.runtime_folder()),
    )
    try:
        return _relieved(order) or _armed(order)
    except (OSError, EOFError) as error:
        raise Failed(
            "the process that starts the service did not report that it is ready",
            str(error) or "it ended at once",
            "nothing was killed; look at the free memory and the number of processes",
        ) from None


def _place(state: Path, service: str) -> Path:
    """Where this shim keeps its records. On a full disk that of the locks: the server comes first."""
    try:
        return files.make_folder(notes.folder(state, service))
    except OSError:
        return files.make_folder(notes.folder(files.runtime_folder(), service))


def _relieved(order: Order) -> Shim | None:
    """The shim of the server that has just ended, if it still waits there. None if not, for whatever reason."""
    last = notes.last(Path(order.folder))
    if last is None or last.identity is None or processes.is_alive(last.identity):
        return None
    line = standby.call(order.standby, last.shim_pid) if processes.read(last.shim_pid) else None
    if line is None:
        return None
    shim = Shim(line)
    try:
        shim.wait_armed(order, _RELIEVED_WITHIN)
    except (OSError, EOFError):
        shim.cancel()  # with a word: should it come to itself later, it must not start a second copy
        return None
    return shim


def _armed(order: Order) -> Shim:
    with spawn.spawned(order.service, _ARMED_WITHIN) as line:
        shim = Shim(line)
        try:
            shim.wait_armed(order, _ARMED_WITHIN)
        except BaseException:
            shim.cancel()
            raise
    standby.sweep(order.standby, lambda pid: processes.read(pid) is not None)
    posts.sweep(order.standby)
    return shim


def records(state: Path, service: str) -> tuple[ShimRecord, ...]:
    """Every start of this service that a shim has noted, the oldest first. Ends that no shim noted are noted now."""
    return notes.up_to_date(notes.folder(state, service), clock.now())


def restarts_itself(state: Path, service: str) -> bool:
    """Whether a shim holds the listening socket of this service, and starts it again after its end."""
    return any(holds_sockets(one.shim_pid) for one in records(state, service)[-1:])


def holds_sockets(shim_pid: int) -> bool:
    """Whether that process is a shim of ours that holds listening sockets for its service."""
    return shim_pid in posts.holding()


def release(shim_pid: int) -> bool:
    """Let a shim give up the listening sockets that it holds; False if it is not a shim of ours, or holds none."""
    return holds_sockets(shim_pid) and held.release(files.runtime_folder(), shim_pid)


def release_all(state: Path, service: str) -> None:
    """The same for every shim that has started this service."""
    for pid in {one.shim_pid for one in records(state, service)}:
        release(pid)


class Shim:
    """The line to an armed shim. If this process ends without `done` or `cancel`, the shim goes on by itself."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._open = True
        self.pid = 0
        self.identity: Identity | None = None  # of the service's first process, once started
        self.end: dict[str, Any] | None = None  # {"code", "lines"} once that one has ended
        self.said_ready = False  # the server has said READY=1

    def wait_armed(self, order: Order, within: float) -> None:
        self._line.send(**asdict(order))
        message = self._line.receive(within)
        if message is None:
            raise TimeoutError(f"not there within {within:g} s")
        self.pid = int(message["pid"])

    def start(self, fallback: bool = False) -> StartResult:
        """Start the service, or its fallback command; `ready` is for the caller to find out."""
        began = clock.monotonic()
        self.identity, self.end, self.said_ready = None, None, False
        self._line.send(word="fallback" if fallback else "start")
        try:
            while message := self._line.receive(_ANSWER_WITHIN):
                if message["event"] in ("started", "refused", "failed"):
                    return self._result(message, clock.monotonic() - began)
        except EOFError:
            return StartResult("failed", None, False, clock.monotonic() - began, "the process that starts it has died")
        return StartResult("failed", None, False, clock.monotonic() - began, f"no answer in {_ANSWER_WITHIN:g} s")

    def look(self) -> None:
        """Take what the shim has told since: `identity`, `end` and `said_ready` are up to date after it."""
        try:
            while self._open and (message := self._line.receive(0)):
                if message["event"] == "heir":
                    self._take(message)
                elif message["event"] == "ended":
                    self.end = message
                elif message["event"] == "ready":
                    self.said_ready = True
        except EOFError:
            self._close()

    def done(self) -> None:
        """The service is up, or a person takes over: the shim starts nothing more and only stays as its parent."""
        self._say("done")

    def cancel(self) -> None:
        """Start nothing. A service that already runs stays."""
        self._say("cancel")

    def leave_alone(self) -> None:
        """Let go without a word, as if we had died: the shim finishes the kill and starts the service."""
        if self._open:
            self._close()

    def _say(self, word: str) -> None:
        if self._open:
            self._line.send(word=word)
            self._close()

    def _close(self) -> None:
        self._open = False
        self._line.close()

    def _take(self, message: dict[str, Any]) -> None:
        if message["pid"]:
            self.identity = Identity(processes.boot_id(), int(message["pid"]), int(message["ticks"]))

    def _result(self, message: dict[str, Any], seconds: float) -> StartResult:
        if message["event"] == "started":
            self._take(message)
            return StartResult("done", message["pid"], False, seconds, "started", self.identity)
        outcome = "refused" if message["event"] == "refused" else "failed"
        return StartResult(outcome, None, False, seconds, str(message["why"]))


def why_not_run(command: Sequence[str], cwd: str, path: str, owner: int) -> str:
    """Why a command cannot be run in that folder with that PATH for that user; empty if nothing speaks against it."""
    program = command[0]
    found = str(Path(cwd) / program) if here.has_folder(program) else shutil.which(program, path=path)
    if found is None:
        return f"{program} is not on the service's PATH ({path}): write its full path"
    if problem := trust.why_not_a_program(Path(found), owner):
        return problem
    if Path(program).name.startswith(_INTERPRETERS) and len(command) > 1 and not command[1].startswith("-"):
        where = Path(cwd) / command[1]
        if not where.is_file():
            return f"{where}: no such file"
        return trust.why_not_safe(where, owner)
    return ""


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
