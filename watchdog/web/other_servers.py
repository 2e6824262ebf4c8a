"""Python servers on this machine that hang and have no playbook: what `wd ps --hung` finds, looked for seldom."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, Response

from watchdog.model.errors import WdError
from watchdog.steps.find import ps
from watchdog.system import clock
from watchdog.text.redact import redact_data
from watchdog.web import look
from watchdog.web.asked import Asked

_EVERY = 30.0  # seconds between two looks, however many pages are open


class OtherServers:
    """One look at a time, shared by all pages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._servers: tuple[Mapping[str, Any], ...] = ()
        self._told: list[str] = []

    def show(self, asked: Asked) -> Response:
        with self._lock:
            if clock.monotonic() - self._at >= _EVERY:
                self._look(asked)
            text = look.part("others.html.j2", servers=self._servers, told=self._told)
        return HTMLResponse(text, headers={"cache-control": "no-store"})

    def _look(self, asked: Asked) -> None:
        self._told = []
        context = asked.site.context(asked.person)
        context.say = self._told.append
        try:
            rows = ps(context, {"hung": True}).rows
        except WdError as error:
            rows, self._told = (), error.lines()
        known = {one.playbook.find.port for one in asked.site.looks.now().found}
        self._servers = tuple(
            redact_data(row) for row in rows if not row.get("service") and not known.intersection(row["ports"])
        )
        self._at = clock.monotonic()
