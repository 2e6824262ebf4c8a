"""What the controller keeps of a run on many hosts: the plan, and one file a host, each complete or absent."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from watchdog.fleet.on_host import ID
from watchdog.fleet.records import HostRun, Plan
from watchdog.model.errors import NothingMatched, Refused, WrongUsage
from watchdog.system.disk import flock
from watchdog.system.disk.files import make_folder, write_atomic

_PLAN, _LOCK = "plan.json", "lock"
_ODD = re.compile(r"[^A-Za-z0-9._-]|^[.]")


class Ledger:
    """The folder of one run."""

    def __init__(self, state: Path, run: str) -> None:
        if not ID.fullmatch(run):
            raise WrongUsage(f"{run!r} is not the id of a run", todo="Use letters, digits, points and dashes.")
        self.folder, self.id = state / "fleet-runs" / run, run
        self._writing = threading.Lock()
        self.runs: dict[str, HostRun] = {}

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """One controller a run. Refused for the second one."""
        make_folder(self.folder / "hosts")
        try:
            with flock.held(self.folder / _LOCK):
                yield
        except flock.Busy as error:
            raise Refused(f"another wd works on the run {self.id}", todo="Wait for it, or end it first.") from error

    def plan(self) -> Plan | None:
        """As it was when the run began. What is known of its hosts is in `runs` then."""
        with contextlib.suppress(FileNotFoundError):
            found = json.loads((self.folder / _PLAN).read_bytes())
            lists = {key: tuple(found[key]) for key in ("words", "hosts", "inventory", "proofs")}
            plan = Plan(**{**found, **lists, "batches": tuple(map(tuple, found["batches"]))})
            self.runs = {name: self._read(name) for name in plan.hosts}
            return plan
        return None

    def known_plan(self) -> Plan:
        """NothingMatched for a run that this controller has never begun."""
        plan = self.plan()
        if plan is None:
            raise NothingMatched(f"there is no run {self.id} of this controller", f"Looked in {self.folder.parent}.")
        return plan

    def begin(self, plan: Plan) -> None:
        write_atomic(self.folder / _PLAN, json.dumps(asdict(plan)))
        self.runs = {name: HostRun(name) for name in plan.hosts}

    def note(self, run: HostRun) -> None:
        """Written before the host is asked, so that a run that may have begun is never taken for one that waits."""
        with self._writing:
            self.runs[run.host] = run
            write_atomic(self._file(run.host), json.dumps(_plain(run)))

    def host_folder(self, name: str) -> Path:
        """For its files."""
        return self.folder / "hosts" / _safe(name)

    def write_report(self, text: str, facts: Mapping[str, Any]) -> Path:
        write_atomic(self.folder / "report.json", json.dumps(facts, indent=1))
        write_atomic(self.folder / "report.md", text)
        return self.folder / "report.md"

    def _file(self, name: str) -> Path:
        return self.folder / "hosts" / f"{_safe(name)}.json"

    def _read(self, name: str) -> HostRun:
        try:
            found = json.loads(self._file(name).read_bytes())
        except FileNotFoundError:
            return HostRun(name)
        return HostRun(**{**found, "files": tuple(found["files"])})


def _plain(run: HostRun) -> dict[str, Any]:
    return {**asdict(run), "files": [dict(one) for one in run.files]}


def _safe(name: str) -> str:
    """As a file name; two names stay two."""
    clean = _ODD.sub("_", name)[:80]
    return clean if clean == name else f"{clean}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
