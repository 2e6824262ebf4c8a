"""Is the started server up, and is it really ours that answers? Shared by `start` and `verify`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from watchdog.model.launching import UNKNOWN_END, ShimRecord
from watchdog.model.playbook import Playbook
from watchdog.model.process import Identity, Tree
from watchdog.model.records import record
from watchdog.starting import launch
from watchdog.starting.launch import Shim
from watchdog.system import clock
from watchdog.system.net import http, ports
from watchdog.system.process import processes
from watchdog.targets import expected, trees
from watchdog.text import exit_codes

STABLE = 3.0  # seconds that a started process must have lived: many a start fails after it has begun to listen
_ONE_ANSWER = 5.0  # seconds for one question, or what the probe gives it where that is more
_RESUMED_WITHIN = 0.5  # seconds: a stop that somebody takes back at once is none
_TOLD_WITHIN = 2.0  # seconds for the shim to say how a process ended
_ANY = range(200, 500)


@record(frozen=True)
class Answer:
    """One question to the server."""

    ok: bool
    seconds: float
    status: int | None
    detail: str = ""
    weak: bool = False  # it only accepts connections: that sees no hang
    elsewhere: bool = False  # another process took the connection: this says nothing about the server

    def record(self) -> dict[str, object]:
        return {"ok": self.ok, "seconds": round(self.seconds, 3), "status": self.status}


@record(frozen=True)
class Question:
    """What to ask: addresses in order of preference, else the port, else only whether it lives."""

    urls: tuple[str, ...] = ()
    port: int | None = None
    any_status: bool = False  # the address was not chosen by a person: whatever it answers is an answer
    limit: float = 0.0  # seconds that the playbook's probe gives an answer

    def ask(self, within: float, accepted: http.Accepted | None = None) -> Answer:
        """At most `within` seconds in total, a second address included. `accepted`: see `http.ask`."""
        found = Answer(False, 0.0, None, "not asked")
        for place, url in enumerate(self.urls):
            share = within / (len(self.urls) - place)
            limit = min(share, max(_ONE_ANSWER, self.limit))
            reply = http.ask(url, timeout=limit, limit=65536, accepted=accepted)
            good = reply.status is not None and not reply.problem
            fine = good and reply.status in (_ANY if self.any_status else range(200, 300))
            detail = "" if fine else reply.detail or reply.problem or f"status {reply.status}"
            found = Answer(fine, reply.seconds, reply.status, detail, elsewhere=reply.problem == "elsewhere")
            if fine:
                break
            within -= reply.seconds
        if self.urls:
            return found
        if self.port is not None:
            up = any(one.holders for one in ports.listeners(self.port))
            return Answer(up, 0.0, None, "" if up else f"nobody listens on port {self.port}", weak=True)
        return Answer(True, 0.0, None, weak=True)


def question_of(playbook: Playbook | None, url: str | None = None, fallback: str | None = None) -> Question:
    """What a playbook says about being healthy; addresses given by hand come first."""
    port = playbook.find.port if playbook else None
    urls = [url or (playbook and (full_url(playbook.start.ready.url, port) or playbook.url)), fallback]
    if playbook and not url:
        urls += [full_url(probe.subject, port) for probe in playbook.http_probes]
    found = tuple(dict.fromkeys(one for one in urls if one))[:2]
    if port is None and found:
        port = _local_port(found[0])
    limits = [probe.timeout for probe in playbook.http_probes] if playbook else []
    return Question(found, port, limit=max(limits, default=0.0))


def full_url(subject: object, port: int | None) -> str | None:
    """A path alone is meant on the service's port of this machine."""
    if not isinstance(subject, str) or not subject:
        return None
    return f"http://127.0.0.1:{port}{subject}" if subject.startswith("/") else subject


def _local_port(url: str) -> int | None:
    parts = urlsplit(url)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    return parts.port or (443 if parts.scheme == "https" else 80)


@record(frozen=True)
class StartedServer:
    """The started server as it is known so far."""

    identity: Identity | None  # of its first process; None: a manager started it, or nobody knows
    shim: Shim | None = None
    old: Collection[Identity] = ()  # must not be among those that answer
    playbook: Playbook | None = None
    state: Path | None = None  # where shims leave their records

    @property
    def current(self) -> Identity | None:
        """Its first process: a start script may have handed over to another one since."""
        return (self.shim.identity if self.shim else None) or self.identity

    def known_by(self, port: int | None) -> StartedServer:
        """Where a manager started it: the one that listens now, so that its age and its end can be seen.

        As it was where several listen that are not of one family, as the proxies of a container do.
        """
        if self.current is not None:
            return self
        owner, problem = self.why_not_the_owner(port)
        process = processes.read(owner) if owner and not problem else None
        if process is None:
            return self
        found = replace(self, identity=process.identity)
        return self if found.why_not_the_owner(port)[1] else found

    @property
    def said_ready(self) -> bool:
        """Whether it has said READY=1 to its shim."""
        if self.shim is not None:
            self.shim.look()
        return self.shim is not None and self.shim.said_ready

    @property
    def owes_ready(self) -> str:
        """Why its start is not done though it answers; empty where the playbook asks for no READY=1, or it came."""
        asked = self.playbook is not None and self.playbook.start.ready.notify
        return "it has not sent READY=1 (start.ready.notify)" if asked and not self.said_ready else ""

    def death(self) -> str:
        """How it ended, with its last words; empty while it lives."""
        if self.shim is not None:
            self.shim.look()
        end = self.shim.end if self.shim else None
        if end is None and (self.current is None or processes.is_alive(self.current)):
            return ""
        # Its parent, the shim, may not have said yet how it ended, or to whom it has handed over.
        clock.wait_until(lambda: self._told() is not None, _TOLD_WITHIN)
        told = self._told()
        return told if told is not None else f"pid {self.current.pid if self.current else '?'} has ended"

    def dies_within(self, seconds: float, between: float = 0.02) -> bool:
        """Wait so long, or until it has died; `between`: seconds between two looks."""
        return clock.wait_until(lambda: bool(self.death()), seconds, between)

    def _told(self) -> str | None:
        """What the shim says of the end, empty for a heir that lives; None while it says nothing."""
        if self.shim is not None:
            self.shim.look()
            if self.shim.end is not None:
                return _words(int(self.shim.end["code"]), self.shim.end["lines"])
        if self.current is not None and processes.is_alive(self.current):
            return ""
        noted = self._noted()
        if noted is None or noted.identity is None:
            return None
        if noted.ended is None:
            return "" if processes.is_alive(noted.identity) else None
        if noted.end_is_unknown:
            return f"it ended; {UNKNOWN_END}"
        return _words(noted.code if noted.code is not None else -(noted.signal or 0), noted.last_lines)

    def why_hopeless(self, port: int | None) -> str:
        """Why no more waiting brings an answer: it has ended, or a signal has stopped it. Empty where it may still."""
        if death := self.death():
            return death
        pids = self._stopped(port)
        if not pids or clock.wait_until(lambda: not self._stopped(port), _RESUMED_WITHIN):
            return ""
        listed = " ".join(map(str, pids))
        return f"pid {listed} is stopped by a signal and answers nobody until: kill -CONT {listed}"

    def _stopped(self, port: int | None) -> tuple[int, ...]:
        """Its first process, or all that hold the port, where a signal has stopped them."""
        holders = {pid for one in (ports.listeners(port) if port is not None else ()) for pid in one.holders}
        current = self.current
        for pids in ({current.pid} if current else set(), holders):
            states = [one.state for pid in pids if (one := processes.read(pid)) is not None]
            if states and all(state == "T" for state in states):
                return tuple(sorted(pids))
        return ()

    def age(self) -> float:
        """Seconds since its first process started; endless where that one is not known, nothing once it has ended."""
        current = self.current
        if current is None:
            return float("inf")
        process = processes.read(current.pid)
        return clock.now() - process.started if process and processes.is_alive(current) else 0.0

    def _noted(self) -> ShimRecord | None:
        if self.state is None or self.playbook is None:
            return None
        found = launch.records(self.state, self.playbook.service)
        return found[-1] if found else None

    def why_not_the_owner(self, port: int | None) -> tuple[int | None, str]:
        """(pid of its root, why an answer on this port is not the new server's; empty if it is)."""
        listeners = ports.listeners(port) if port is not None else ()
        holders = {pid for one in listeners for pid in one.holders}
        current = self.current
        if not holders:
            return (current.pid if current else None), ""
        table = processes.table()
        old = [pid for pid in holders if pid in table and table[pid].identity in self.old]
        if old:
            return None, f"the old process {old[0]} still holds port {port}"
        family = trees.grow(holders if current is None else {current.pid}, table)
        strangers = sorted(holders - set(family.pids))
        if strangers and current is not None:
            return None, f"port {port} is held by pid {strangers[0]}, which is not part of the started server"
        return family.root.pid if family.members else None, self._wrong_program(family)

    def left_running(self, port: int | None) -> str:
        """What runs of it though it did not come up, and where it listens instead; empty if nothing does."""
        current = self.current
        if current is None or not processes.is_alive(current):
            return ""
        tree = trees.grow({current.pid}, processes.table())
        left = f"pid {current.pid} is left running"
        if port is None or not tree.ports or port in tree.ports:
            return left
        return f"{left}; it listens on port {', '.join(map(str, tree.ports))}, and the playbook says {port}"

    def _wrong_program(self, tree: Tree) -> str:
        if not tree.members or expected.is_run_by(tree, self.playbook) != "no":
            return ""
        return f"pid {tree.root.pid} is not the configured program ({expected.of(self.playbook)})"


def _words(code: int, lines: Collection[str]) -> str:
    how = f"with {exit_codes.in_words(code)}" if code >= 0 else f"by signal {-code}"
    last = [line for line in lines if line.strip()]
    return f"it ended {how}: {' | '.join(last[-3:])[-500:]}" if last else f"it ended {how}, without a word"
