"""A service as a playbook describes it, and the context in which steps act on it; for live tests."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from support import SERVERS, alive, free_port, wait_for

from watchdog.model.errors import WdError
from watchdog.model.launching import ShimRecord
from watchdog.model.playbook import Playbook, ProbeSpec, Ready, Start
from watchdog.model.selector import Selector
from watchdog.starting import launch
from watchdog.steps.spec import Context, StepResult
from watchdog.system.process import processes

PLAIN = str(SERVERS / "plain.py")


class Service:
    """The small server of tests/servers/plain.py, looked after by wd."""

    def __init__(self, folder: Path, *words: str, **start: Any) -> None:
        self.folder, self.state, self.port = folder, folder / "state", free_port()
        self.state.mkdir(mode=0o700)
        self.mark = f"--mark={folder.name}-{self.port}"
        command = (sys.executable, PLAIN, str(self.port), *words, self.mark)
        self.playbook = Playbook(
            "shop",
            Selector(port=self.port, cmdline=("plain.py", str(self.port))),
            start=Start(**{"command": command, "cwd": str(folder), "ready": Ready(within=30.0), **start}),
            probes=(ProbeSpec("health", "http", "/health"),),
        )
        self.said: list[str] = []

    def context(self, **changed: Any) -> Context:
        made = Context(
            selector=Selector(service="shop"),
            say=self.said.append,
            ask=lambda question: False,
            folder=self.folder / "incident",
            state=self.state,
            playbook=self.playbook,
        )
        return replace(made, **changed)

    def run(self, step: Any, context: Context | None = None, **options: Any) -> StepResult:
        """The step's result; what it refuses is a result, too, as the runner makes one of it."""
        try:
            found: StepResult = step(context or self.context(), options)
        except WdError as error:
            return StepResult("refused" if error.code == 5 else "failed", ". ".join(error.lines()), exit=error.code)
        return found

    def change(self, **start: Any) -> None:
        self.playbook = replace(self.playbook, start=replace(self.playbook.start, **start))

    def records(self) -> tuple[ShimRecord, ...]:
        return launch.records(self.state, "shop")

    def copies(self) -> list[int]:
        """Every living process that runs this service's own command."""
        table = processes.with_commands(processes.table().values())
        return sorted(pid for pid, one in table.items() if self.mark in (one.cmdline or ()) and alive(pid))


@contextlib.contextmanager
def service(folder: Path, *words: str, **start: Any) -> Iterator[Service]:
    """Ends every copy that is left, however it was started."""
    made = Service(folder, *words, **start)
    try:
        yield made
    finally:
        for pid in made.copies():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not made.copies(), "all copies are gone")
