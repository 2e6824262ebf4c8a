"""What is written down of a sidecar, beside the bytes: evidence in a process of its own, the journal in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchdog.sidecar.conversation import Request
from watchdog.sidecar.records import Fault
from watchdog.sidecar.settings import Settings
from watchdog.sidecar.traffic import Traffic
from watchdog.system import clock
from watchdog.system.child.kept import KeptChild

if TYPE_CHECKING:
    from watchdog.journal.store import Journal

EVERY = 10.0  # seconds between two reports of the metrics
KEPT_AS = "sidecar"  # the name in the journal


class Notes:
    """Nothing here keeps the event loop waiting, and nothing that fails here ends the session."""

    def __init__(self, settings: Settings, state: Path) -> None:
        self._settings, self._state = settings, state
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sidecar-journal")
        self._journal: Journal | None = None
        self._began = clock.now()
        self._traffic: Traffic | None = None
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
            "pending": len(traffic.conversation),
            "queue_to_child": traffic.to_child.size,
            "queue_to_host": traffic.to_host.size,
        }

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
            from watchdog.journal.store import Journal

            self._journal = Journal.open(self._state, self._say)
        return self._journal

    async def look(
        self, child: KeptChild, request: Request | None, within: float, fault: Fault | None = None, errors: str = ""
    ) -> dict[str, Any]:
        return {}

    def incident(self, child: KeptChild, fault: Fault, looked: dict[str, Any], goes_on: bool) -> None:
        pass

    async def close(self) -> None:
        """The last metrics; the journal gets a few seconds."""
        self._later(self._report, self.record(over=True))
        shut = asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        await asyncio.wait({shut}, timeout=5.0)
