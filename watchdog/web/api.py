"""What other programs ask: the status and the incidents as JSON by the contract, the numbers for Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from starlette.responses import JSONResponse, Response

from watchdog.commands.incidents import row
from watchdog.commands.standing import worst_of
from watchdog.commands.troubles import is_trouble
from watchdog.report.build import clean
from watchdog.system import clock
from watchdog.system.disk.parts import read_part
from watchdog.text.redact import redact_data
from watchdog.text.units import iso, parse_duration
from watchdog.watch.metrics import NUMBERS
from watchdog.web.asked import Asked, Wrong
from watchdog.web.look import HERE
from watchdog.web.site import Site

_MOST = 1000  # incidents of one answer
_LONGEST_NUMBERS = 32 << 20  # bytes


def status(asked: Asked) -> Response:
    """The rows of `wd status -o json`, and its result."""
    found = asked.site.looks.now()
    return _json(
        {
            "outcome": "ok",
            "error": None,
            "at": iso(found.at),
            "worst": worst_of(found.found, bool(found.broken)),
            "services": [one.record() for one in found.found],
            "broken": [str(path) for path in found.broken],
        }
    )


def incidents(asked: Asked) -> Response:
    """The rows of `wd incidents list -o json`."""
    service, everything = asked.query.get("service") or None, asked.query.get("all") in ("1", "true")
    journal = asked.site.journal()
    found = journal.incidents(service, _since(asked.query.get("since", "")), _MOST * 10)
    cut_off = {one.id for one in journal.unfinished(service)}
    wanted = [one for one in found if everything or is_trouble(one)][: _limit(asked.query.get("limit", "50"))]
    return _json({"outcome": "ok", "error": None, "incidents": [row(one, one.id in cut_off) for one in wanted]})


def incident(asked: Asked) -> Response:
    """The record of `wd incidents show -o json`."""
    found = clean(asked.site.journal().incident(asked.path["id"]))
    return _json({"outcome": "ok", "error": None, "incident": found.record()})


def _json(told: dict[str, Any]) -> Response:
    return JSONResponse(redact_data(told), headers={"cache-control": "no-store"})


def _since(text: str) -> float:
    if not text:
        return 0.0
    try:
        return clock.now() - parse_duration(text)
    except ValueError as error:
        raise Wrong(400, str(error)) from None


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= _MOST):
        raise Wrong(400, f"limit is a whole number from 1 to {_MOST}")
    return int(text)


def metrics(asked: Asked) -> Response:
    """The numbers that the loop writes for a textfile collector, and how old they are."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(asked.site))
    encoder, kind = choose_encoder(asked.headers.get("accept", ""))
    return Response(encoder(registry), media_type=kind)


class _Numbers(Collector):
    def __init__(self, site: Site) -> None:
        self._site = site

    def collect(self) -> Iterable[Metric]:
        part = read_part(self._site.state / NUMBERS, _LONGEST_NUMBERS)
        if part.error is None:
            yield from text_string_to_metric_families(part.data.decode("utf-8", "replace"))
            age = GaugeMetricFamily("wd_numbers_age_seconds", "since the loop has written these numbers down")
            age.add_metric([], max(0.0, clock.now() - (part.modified or 0.0)))
            yield age


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "openapi.json").read_text(encoding="utf-8"))
    return found


def openapi(asked: Asked) -> Response:
    return JSONResponse(_document())
