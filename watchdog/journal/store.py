"""The journal: what happened, kept so that kill -9 at any moment loses nothing that was written.

One SQLite file in the state folder, and beside it `incidents/` with a folder for each run's report and evidence. What
is written here is redacted first.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from watchdog.journal import alerts, approvals, glance, hours, incidents, samples, services, verifying
from watchdog.journal.database import Database
from watchdog.journal.opening import damaged
from watchdog.journal.retention import remove_old_folders
from watchdog.model.alert import Alert
from watchdog.model.approval import Approval
from watchdog.model.chain import Chain
from watchdog.model.errors import Failed
from watchdog.model.incident import Desired, Incident, Restart, RunOutcome, Trigger
from watchdog.model.probing import Sample
from watchdog.model.process import Identity
from watchdog.system import clock
from watchdog.system.process import processes
from watchdog.text.printable import printable
from watchdog.text.redact import redact, redact_data

FILE = "journal.db"
_REMEMBERED = 8  # incidents of this process that a lost store gets again
_Result = TypeVar("_Result")


class Journal:
    """The only door to what is kept. Each method is one transaction; threads may share one journal."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.folder, self._database = folder, database
        self._recent: dict[str, list[Callable[[sqlite3.Connection], Any]]] = {}
        database.replay = self._replay

    @classmethod
    def open(cls, folder: Path, warn: Callable[[str], None] | None = None) -> Journal:
        """The journal of a state folder, made if there is none.

        A damaged file is set aside and a new one begun; a disk that takes nothing means going on in memory: `warn` is
        told, by default on standard error. CannotTell if a newer wd wrote it.
        """
        return cls(Database(folder / FILE, warn or _warn_loudly), folder)

    @property
    def in_memory(self) -> bool:
        """Whether what is written now is lost when this process ends."""
        return self._database.in_memory

    @property
    def lost_at(self) -> float | None:
        """When the past was lost, in seconds since the epoch; restarts before that are unknown and count as made."""
        row = self._read(lambda db: db.execute("SELECT value FROM facts WHERE name = 'lost_at'").fetchone())
        return float(row[0]) if row and isinstance(row[0], int | float) else None

    def shut(self) -> None:
        """Give the file back. Not needed for safety: everything is on the disk when a method returns."""
        self._database.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.shut()

    # Incidents

    def open_incident(
        self,
        service: str | None,
        runbook: str,
        trigger: Trigger,
        *,
        folder: Path | None = None,
        down_since: float | None = None,
    ) -> Incident:
        """A new incident, run by this process. `folder` is where its own folder is made (default: `incidents/`)."""
        told = trigger.cleaned(redact)
        for left in (3, 2, 1, 0):
            name = incidents.make_id(clock.now(), service or runbook)
            where = (folder or self.folder / "incidents") / name
            incident = Incident(
                name, clock.now(), service, runbook, told, down_since=down_since or trigger.since, folder=str(where)
            )
            try:
                self._change(name, partial(incidents.insert, incident=incident, owner=_ourselves()))
                return incident
            except sqlite3.IntegrityError:  # the same second and the same dice
                if not left:
                    raise
        raise AssertionError("not reached")

    def begin_step(self, incident: str, number: int, step: str, text: str, by_hand: str = "") -> None:
        """Written before the step runs: after a kill -9 it tells how far the run came."""
        self._change(
            incident, lambda db: incidents.begin_step(db, incident, number, step, redact(text), redact(by_hand))
        )

    def end_step(
        self,
        incident: str,
        number: int,
        outcome: str,
        message: str = "",
        *,
        data: Mapping[str, Any] | None = None,
        seconds: float = 0.0,
    ) -> None:
        kept = redact_data(dict(data)) if data is not None else None
        self._change(
            incident, lambda db: incidents.end_step(db, incident, number, outcome, redact(message), kept, seconds)
        )

    def update(self, incident: str, **fields: Any) -> None:
        """Set fields of an incident by their names in the record. TypeError for a name that cannot be changed."""
        kept = {name: redact_data(value) for name, value in fields.items()}
        self._change(incident, lambda db: incidents.update(db, incident, kept))

    def close(self, incident: str, outcome: RunOutcome, **fields: Any) -> None:
        """The run is over; with more fields of the incident, as in `update`, in the same transaction."""
        self.update(incident, outcome=outcome, closed=clock.now(), **fields)

    def adopt(self, incident: str) -> None:
        """Go on with a run whose process died."""
        self._write(lambda db: incidents.adopt(db, incident, _ourselves()))

    def note(self, incident: str, text: str, by: str = "") -> None:
        """What a person adds, with the time."""
        name = self.incident(incident).id
        when = clock.now()
        self._write(lambda db: incidents.add_note(db, name, when, by, redact(text)))

    def incident(self, name: str) -> Incident:
        """With steps and notes; by id, a part of it that fits only one, or "last". NothingMatched if there is none."""
        return self._read(lambda db: incidents.one(db, name))

    def incidents(self, service: str | None = None, since: float = 0.0, limit: int = 100) -> tuple[Incident, ...]:
        """Newest first, without steps and notes."""
        return self._read(lambda db: incidents.many(db, service, since, limit))

    def ended(self, since: float) -> tuple[tuple[int, float, float], ...]:
        """(pid, begin, end) of each process that a run since then ended, and when that run was."""
        return self._read(lambda db: incidents.ended(db, since))

    def outages(self, service: str, since: float) -> tuple[tuple[float, float], ...]:
        """(begin, end) of each time that it was down, of the incidents since then."""
        return self._read(lambda db: incidents.outages(db, service, since))

    def unfinished(self, service: str | None = None) -> tuple[Incident, ...]:
        """Runs that were cut off: still open, their process gone. Oldest first, with their steps."""
        return self._read(lambda db: incidents.cut_off(db, service))

    def same_signature(self, service: str | None, signature: str, since: float) -> tuple[Incident, ...]:
        """Runs since then for the same cause at the same line that did something, newest first."""
        return self._read(lambda db: incidents.same_signature(db, service, signature, since))

    def chain(self) -> Chain:
        """The chain over all incidents, and where the record is not what was written."""
        return self._read(verifying.look_through)

    # Services

    def set_desired(self, service: str, desired: Desired) -> None:
        self._write(lambda db: services.set_desired(db, service, desired))

    def glance(self, since: float) -> glance.Glance:
        """What is known of all services beside their answers; restarts and outages since then."""
        return self._read(lambda db: glance.look(db, since, clock.now()))

    def desired(self, service: str) -> Desired:
        """What a person wants of it now; a snooze whose time is over has ended."""
        return self._read(lambda db: services.desired(db, service, clock.now()))

    def until_healthy(self) -> tuple[str, ...]:
        """The services that are left alone until they are healthy."""
        return self._read(services.until_healthy)

    def record_restart(self, restart: Restart) -> None:
        self._write(lambda db: services.record_restart(db, restart))

    def restarts(self, service: str | None, since: float) -> tuple[Restart, ...]:
        """Of one service, or of all. See `lost_at` for what cannot be known."""
        return self._read(lambda db: services.restarts(db, service, since))

    def end_the_future(self) -> None:
        """What was written under a clock that was ahead counts as of now: a budget is neither lifted nor used for ever,
        and a snooze ends."""
        self._write(lambda db: services.end_the_future(db, clock.now()))

    def keep(self, service: str, name: str, text: str) -> None:
        """Whatever the loop must remember of a service, in its own words."""
        self._write(lambda db: services.keep(db, service, name, text))

    def kept(self, service: str, name: str) -> str:
        """Empty if nothing was kept."""
        return str(self._read(lambda db: services.kept(db, service, name)))

    def kept_by_all(self, name: str) -> dict[str, str]:
        """The same of every service that has it."""
        return self._read(lambda db: services.kept_by_all(db, name))

    def keep_page(self, address: str) -> None:
        """Where the page is, for links in messages; empty when it ends."""
        self.keep("", services.PAGE, address)

    @property
    def page(self) -> str:
        return self.kept("", services.PAGE)

    # Questions to persons

    def ask(self, new: Approval, key: str) -> None:
        """Put a question; `key` is the hash of what a link to it must hold."""
        self._write(lambda db: approvals.ask(db, new, key))

    def answer(self, approval: str, given: Literal["yes", "no"], by: str, who: str = "") -> bool:
        """Whether this answer counts: while the question is open, and once for each person (`who`, by default `by`)."""
        person = who or by
        return self._write(lambda db: approvals.answer(db, approval, given, redact(by), person, clock.now()))

    def close_question(self, approval: str, why: Literal["late", "over"]) -> Approval | None:
        """Nobody can answer it any more; gives what became of it, for an answer may have been faster."""

        def closed(db: sqlite3.Connection) -> Approval | None:
            approvals.close(db, approval, why)
            return approvals.one(db, approval)

        return self._write(closed)

    def use(self, approval: str) -> bool:
        """Whether its yes is good for a run: it is so once."""
        return self._write(lambda db: approvals.use(db, approval))

    def withdraw_questions(self, service: str) -> None:
        """Its trouble is over."""
        self._write(lambda db: approvals.withdraw(db, service))

    def approval(self, name: str) -> Approval | None:
        return self._read(lambda db: approvals.one(db, name))

    def approval_key(self, name: str) -> str:
        return self._read(lambda db: approvals.key_of(db, name))

    def last_approval(self, service: str, about: str) -> Approval | None:
        """The last question about this trouble whose time is not over and whose yes was not used."""
        return self._read(lambda db: approvals.latest(db, service, about, clock.now()))

    def questions(self, service: str | None = None) -> tuple[Approval, ...]:
        """Those that somebody may answer now, oldest first."""
        return self._read(lambda db: approvals.unanswered(db, service, clock.now()))

    # Alerts

    def take_alert(self, new: Alert) -> alerts.Taken:
        """Durable when it returns, unless the store is lost (`in_memory`)."""
        return self._write(lambda db: alerts.take(db, replace(new, detail=redact(new.detail))))

    def resolve_alert(self, fingerprint: str) -> bool:
        return self._write(lambda db: alerts.resolve(db, fingerprint, clock.now()))

    def waiting_alerts(self) -> tuple[Alert, ...]:
        """Those that no run was begun for, or only one that was cut off."""
        return self._read(alerts.waiting)

    def alert_waits(self, name: str) -> bool:
        return self._read(lambda db: alerts.waits(db, name))

    def confirm_alert(self, name: str) -> None:
        """The shared store has said that this controller may act on it."""
        self._write(lambda db: alerts.confirm(db, name))

    def end_alert(self, name: str, why: str) -> None:
        self._write(lambda db: alerts.end(db, name, why))

    def alerts(self, limit: int = 100) -> tuple[Alert, ...]:
        """Newest first."""
        return self._read(lambda db: alerts.many(db, limit))

    # Samples

    def add_samples(self, found: Mapping[str, Iterable[Sample]]) -> None:
        """Of many services by name, in one transaction."""
        kept = {service: tuple(samples_of) for service, samples_of in found.items()}

        def add_all(db: sqlite3.Connection) -> None:
            for service, samples_of in kept.items():
                samples.add(db, service, samples_of)

        self._write(add_all)

    def samples(
        self, service: str, probe: str | None = None, since: float = 0.0, until: float | None = None
    ) -> tuple[Sample, ...]:
        """In the order of time; `count` says how many answers an old one stands for."""
        return self._read(lambda db: samples.find(db, service, probe, since, until))

    def newest_samples(self, service: str, probe: str, since: float, count: int) -> tuple[Sample, ...]:
        """The last so many answers of one probe, in the order of time."""
        return self._read(lambda db: samples.newest(db, service, probe, since, count))

    def unchanged_since(self, service: str, newest: Sample, since: float) -> float:
        """Since when the probe answers like its newest answer."""
        return self._read(lambda db: hours.unchanged_since(db, service, newest, since))

    def counted(
        self, service: str, probe: str, begins: Sequence[float], spans: Sequence[hours.Span]
    ) -> tuple[Sample, ...]:
        """All answers of one probe since the first of these moments and outside of these spans, merged by verdict."""
        return self._read(lambda db: hours.counted(db, service, probe, begins, spans))

    def last_sample(self) -> int:
        """The number of the newest answer, for `samples_after`."""
        return self._read(samples.last)

    def samples_after(self, number: int) -> dict[str, list[Sample]]:
        """What was written since, by service."""
        return self._read(lambda db: samples.after(db, number))

    def thin(self) -> int:
        """Merge old samples; gives how many rows went."""
        return self._write(lambda db: samples.thin(db, clock.now()))

    # House-keeping

    def tidy(self, most: int = 500, size: int = 2 << 30) -> tuple[str, ...]:
        """Thin the samples and remove the oldest incident folders beyond `most` of them or `size` bytes in all.

        The ledger keeps its line about each; folders of runs that are under way stay. Gives the removed ones.
        """
        self.thin()
        running = self._read(lambda db: incidents.many(db, None, 0.0, 1000, "running"))
        spared = {incident.id for incident in running}
        folder = self.folder / "incidents"
        return remove_old_folders(folder, most, size, spared) if folder.is_dir() else ()

    def _change(self, incident: str, change: Callable[[sqlite3.Connection], Any]) -> None:
        """Write, and remember it: if the store is lost under a run, the run's own record is written again."""

        def checked(db: sqlite3.Connection) -> None:
            try:
                change(db)
            except Failed as error:
                if incident in self._recent:  # we wrote it and it cannot be found: the index is broken
                    raise damaged(error.what) from None
                raise

        self._write(checked)
        if incident not in self._recent and len(self._recent) >= _REMEMBERED:
            del self._recent[next(iter(self._recent))]
        self._recent.setdefault(incident, []).append(change)

    def _replay(self, db: sqlite3.Connection) -> None:
        for incident, changes in self._recent.items():
            if not db.execute("SELECT 1 FROM incidents WHERE id = ?", (incident,)).fetchone():
                for change in changes:
                    with contextlib.suppress(Failed):  # of an incident that another process began
                        change(db)

    def _write(self, change: Callable[[sqlite3.Connection], _Result]) -> _Result:
        return self._database.write(change)

    def _read(self, question: Callable[[sqlite3.Connection], _Result]) -> _Result:
        return self._database.read(question)


def _ourselves() -> Identity:
    me = processes.read(os.getpid())
    return me.identity if me else Identity(processes.boot_id(), os.getpid(), 0)


def _warn_loudly(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"wd: {printable(text)}\n")
