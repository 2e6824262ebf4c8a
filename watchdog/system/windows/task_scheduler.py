"""The Task Scheduler, through its own command."""

from __future__ import annotations

import tempfile
from pathlib import Path

from watchdog.model.errors import Failed
from watchdog.system.child import commands

USUAL = "task-scheduler"  # where nothing else is asked for
_LIMIT = 30.0  # seconds for one command of the system


def create_task(name: str, xml: str) -> None:
    """Failed if the Task Scheduler does not take it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.xml"
        path.write_bytes(b"\xff\xfe" + xml.encode("utf-16-le"))  # as Windows writes its own
        done = commands.run(["schtasks", "/Create", "/TN", name, "/XML", str(path), "/F"], timeout=_LIMIT)
    if not done.ok:
        raise Failed("the Task Scheduler did not take the task", done.error or done.output.strip())


def read_task(name: str) -> str:
    """Its XML; empty if there is none."""
    done = commands.run(["schtasks", "/Query", "/TN", name, "/XML"], timeout=_LIMIT)
    return done.output if done.ok else ""


def delete_task(name: str) -> None:
    done = commands.run(["schtasks", "/Delete", "/TN", name, "/F"], timeout=_LIMIT)
    if not done.ok:
        raise Failed("the task was not removed", done.error or done.output.strip())
