"""Looks at the child of a sidecar in a separate process: evidence, the cause, the line. The bridge goes on meanwhile.

The order is JSON on standard input, the answer JSON on standard output.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from watchdog.diagnosis.diagnose import diagnose
from watchdog.evidence import snapshot, stacks
from watchdog.evidence.gather import gather
from watchdog.evidence.logs import tails
from watchdog.model.evidence import Answer, BridgeLook, Configured, Evidence, Exit
from watchdog.model.finding import Diagnosis
from watchdog.model.process import Identity, Member, Tree
from watchdog.system import clock
from watchdog.system.disk import files
from watchdog.system.process import processes
from watchdog.text.redact import redact, redact_data

_WRITING = 2.0  # seconds for the folder


def main() -> None:
    """Reads the order, looks, writes the folder, answers."""
    order = json.load(sys.stdin)
    folder = files.make_folder(Path(order["folder"]))
    logs = _logs(folder, order)
    tree = _tree(order.get("identity"))
    configured = Configured(
        service=order["service"], bridge=BridgeLook(**order["bridge"]), start_command=tuple(order["command"])
    )
    exits = tuple(Exit(**one) for one in order["exits"])
    asked = _Waiting(configured.bridge)
    seen = gather(tree, configured, order["within"], False, tails(logs), exits, asked)
    if tree is not None and configured.bridge is not None and processes.read(configured.bridge.host):
        seen = replace(seen, others=(*seen.others, stacks.dump(configured.bridge.host)))
    found = diagnose(seen)
    kept = snapshot.take(tree, folder / "evidence", logs, _WRITING, seen, configured=configured, exits=exits)
    json.dump(_record(found, seen, [one.record() for one in kept.artifacts]), sys.stdout, default=str)


class _Waiting:
    """The host's own request is the question that waits; no other is put to the child."""

    def __init__(self, bridge: BridgeLook | None) -> None:
        self._bridge = bridge
        self._begun = clock.monotonic()

    def answers(self) -> tuple[Answer, ...]:
        bridge = self._bridge
        if bridge is None or not (bridge.waited or bridge.both_full):
            return ()
        waited = bridge.waited + clock.monotonic() - self._begun
        return (Answer(-bridge.waited, f"{bridge.request or 'a message'} on standard input", "pending", waited),)

    @property
    def overdue(self) -> bool:
        return bool(self.answers())

    def stop(self) -> None:
        """Nothing runs here."""


def _tree(identity: str | None) -> Tree | None:
    """The child and all below it, and nothing of the bridge; None if it is gone."""
    if identity is None or not processes.is_alive(known := Identity.parse(identity)):
        return None
    table = processes.table()
    pids = [known.pid, *processes.descendants(table, known.pid)]
    found = processes.with_commands([table[pid] for pid in pids if pid in table and not table[pid].ended])
    members = tuple(Member(found[pid], "main" if pid == known.pid else "child") for pid in pids if pid in found)
    return Tree(members) if members else None


def _logs(folder: Path, order: dict[str, Any]) -> list[Path]:
    """What the child printed: its standard error, and what was no message on its standard output."""
    found = []
    for name in ("stderr", "broken"):
        if text := order[name]:
            path = folder / f"{name}.txt"
            path.write_text(redact(text), encoding="utf-8", errors="backslashreplace")
            found.append(path)
    return found


def _record(found: Diagnosis, seen: Evidence, artifacts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "findings": [redact_data(one.record()) for one in found.findings],
        "signature": found.signature,
        "missing": list(found.missing),
        "artifacts": artifacts,
        "seconds": round(seen.seconds, 2),
    }
