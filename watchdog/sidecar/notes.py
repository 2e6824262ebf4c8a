"""What is written down of a sidecar, beside the bytes: evidence in a separate process, the journal in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchdog.model.evidence import BridgeLook, Exit
from watchdog.model.incident import Trigger
from watchdog.model.process import Identity
from watchdog.report import write
from watchdog.sidecar.conversation import Request
from watchdog.sidecar.records import EVERY, KEPT_AS, Fault
from watchdog.sidecar.settings import Settings
from watchdog.sidecar.traffic import Traffic
from watchdog.system import clock
from watchdog.system.child import commands, interpreter
from watchdog.system.child.kept import KeptChild
from watchdog.system.disk import files
from watchdog.text.units import format_duration

if TYPE_CHECKING:
    from watchdog.journal.store import Journal

LOOKING, DEAD = 8.0, 1.0  # seconds that a look takes at most: at a child that lives, at what one left behind
_CLOSING = 60.0  # seconds for the journal at the end: on a busy machine it needs most of them


class Notes:
    """Nothing here keeps the event loop waiting, and nothing that fails here ends the session."""

    def __init__(self, settings: Settings, state: Path) -> None:
        self._settings, self._state = settings, state
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sidecar-journal")
        self._journal: Journal | None = None
        self._began = clock.now()
        self._traffic: Traffic | None = None
        self._looks = 0
        self.gave_up = ""  # why, once there is no next child
        self.child_began = clock.now()
        self._say: Callable[[str], None] = lambda text: None

    def attach(self, traffic: Traffic, say: Callable[[str], None]) -> None:
        self._traffic, self._say = traffic, say

    async def report_often(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            self._later(self._report, self.record(over=False))

    def record(self, *, over: bool) -> dict[str, Any]:
        """The metrics as they are now."""
        assert self._traffic is not None
        traffic = self._traffic
        return {
            **traffic.metrics.record(),
            "began": self._began,
            "at": clock.now(),
            "over": over,
            "gave_up": self.gave_up,
            "pending": len(traffic.conversation),
            "queue_to_child": traffic.to_child.size,
            "queue_to_host": traffic.to_host.size,
        }

    def summary(self) -> str:
        """One line about the whole session."""
        assert self._traffic is not None
        found = self._traffic.metrics
        return (
            f"sent {found.sent}, received {found.received}, dropped {found.dropped}, "
            f"parse errors {found.parse_errors}, IPC errors {found.ipc_errors}, restarts {found.restarts}, "
            f"{format_duration(clock.now() - self._began)} in all"
        )

    def _later(self, function: Callable[..., None], *values: Any) -> None:
        def safely() -> None:
            try:
                function(*values)
            except Exception as error:  # noqa: BLE001 - the session goes on without its record
                self._say(f"not written down: {error}")

        with contextlib.suppress(RuntimeError):  # it is shut already
            self._thread.submit(safely)

    def _report(self, record: dict[str, Any]) -> None:
        self._opened().keep(self._settings.service, KEPT_AS, json.dumps(record))

    def _opened(self) -> Journal:
        if self._journal is None:
            from watchdog.journal.store import Journal  # here: the bridge itself starts without a database

            self._journal = Journal.open(self._state, self._say)
        return self._journal

    async def look(self, child: KeptChild, asked: Request | None, fault: Fault | None, errors: str) -> dict[str, Any]:
        """Evidence and cause, found by a separate process. `asked` is the request that waits."""
        order = self._order(child, asked, fault, errors)
        self._later(self._remove_folders, order["folder"])
        run = partial(
            commands.run,
            interpreter.command("watchdog.sidecar.look:main", light=False),
            timeout=LOOKING + 5.0,
            stdin=json.dumps(order),
            limit=4_000_000,
        )
        done = await asyncio.get_running_loop().run_in_executor(None, run)
        try:
            found: dict[str, Any] = json.loads(done.output)
        except ValueError:
            self._say(f"no evidence: {done.error or done.output[-300:] or 'the look ended without an answer'}")
            return {}
        return {**found, "folder": order["folder"]}

    def _remove_folders(self, but: str = "") -> None:
        """What earlier looks found of requests that were answered after all; what an incident needs has moved there."""
        for folder in (self._state / "sidecar").glob(f"{os.getpid()}-*"):
            if str(folder) != but:
                shutil.rmtree(folder, ignore_errors=True)

    def _order(self, child: KeptChild, asked: Request | None, fault: Fault | None, errors: str) -> dict[str, Any]:
        assert self._traffic is not None
        waited = asyncio.get_running_loop().time() - asked.asked if asked else 0.0
        self._looks += 1
        bridge = BridgeLook(
            pid=os.getpid(),
            host=os.getppid(),
            request=asked.message.method if asked else "",
            waited=waited,
            both_full=fault is not None and fault.kind == "both-full",
        )
        return {
            "service": self._settings.service,
            "command": self._settings.command,
            "folder": str(self._state / "sidecar" / f"{os.getpid()}-{self._looks}"),
            "identity": str(child.identity) if child.identity and child.code is None else None,
            "bridge": asdict(bridge),
            "exits": [asdict(self._exit(child, errors))] if child.code is not None else [],
            "stderr": errors,
            "broken": b"\n".join(self._traffic.broken).decode("utf-8", "backslashreplace"),
            "within": LOOKING if child.code is None else DEAD,
        }

    def _exit(self, child: KeptChild, errors: str) -> Exit:
        code = child.code or 0
        return Exit(
            when=clock.now(),
            pid=child.identity.pid if child.identity else None,
            code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            lifetime=clock.now() - self.child_began,
            last_lines=tuple(errors.splitlines()[-20:]),
            source="watched",
        )

    def incident(self, child: KeptChild, fault: Fault, looked: dict[str, Any], goes_on: bool) -> None:
        """Written in the thread of the journal, with the evidence that was found."""
        self._later(self._write_incident, child.identity, fault, looked, goes_on)

    def _write_incident(self, identity: Identity | None, fault: Fault, looked: dict[str, Any], goes_on: bool) -> None:
        journal, trigger = self._opened(), Trigger("sidecar", f"the server {fault.told}", typed=self._settings.typed)
        incident = journal.open_incident(self._settings.service, "sidecar", trigger)
        folder = files.make_folder(Path(incident.folder))
        if looked.get("folder"):
            found = Path(looked.pop("folder"))
            for path in sorted(found.iterdir()):
                path.rename(folder / path.name)
            found.rmdir()
        text = "wd starts it again" if goes_on else "wd does not start it again"
        journal.begin_step(incident.id, 1, "why", "why")
        findings = looked.get("findings") or [{}]
        summary = str(findings[0].get("summary") or fault.told)
        journal.end_step(incident.id, 1, "ok", summary, data=looked, seconds=float(looked.get("seconds") or 0.0))
        journal.begin_step(incident.id, 2, "restart", f"the server {fault.told}")
        journal.end_step(incident.id, 2, "ok" if goes_on else "failed", text)
        journal.update(
            incident.id,
            cause=str(findings[0].get("cause") or fault.cause),
            signature=str(looked.get("signature") or ""),
            finding=findings[0] or None,
            old_pids=(identity.pid,) if identity else (),
        )
        journal.close(incident.id, "done" if goes_on else "failed")
        whole = journal.incident(incident.id)
        journal.update(incident.id, report=str(write.write(whole, folder, pages=False)))
        self._say(f"{one_line({'cause': fault.cause, **findings[0]}, summary)}; incident {incident.id}")

    async def close(self) -> None:
        """The last metrics. The host has its end of file already, and the words of the journal come after it."""
        self._later(self._report, self.record(over=True))
        self._later(self._remove_folders)
        shut = asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        await asyncio.wait({shut}, timeout=_CLOSING)


def one_line(finding: dict[str, Any], summary: str) -> str:
    """The cause and the line."""
    culprit = finding.get("culprit") or {}
    where = f" at {culprit['file']}:{culprit['line']}" if culprit.get("file") else ""
    return f"{finding.get('cause') or 'cause unknown'}{where}: {summary}"
