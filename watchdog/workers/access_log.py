"""Access logs read for what tells how a server fares: how many answers, how many failed, how long they took."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from watchdog.model.records import record

_COMBINED = re.compile(r'"(?:[A-Z]{3,9} )[^"]*"\s+([1-5]\d\d)\b(.*)')
_NAMED = re.compile(
    r"\b(?:rt|request_time|response_time|duration|took|time|elapsed|latency)[=:]\s*\"?([\d.]+)\s*(ms|us|µs|s)?\b"
)
_LAST = re.compile(r"(?:^|\s)(\d+(?:\.\d+)?)\s*(ms|us|µs|s)?\s*$")
_STATUS_KEYS = ("status", "status_code", "response_code", "code")
_TIME_KEYS = ("request_time", "response_time", "duration", "elapsed", "latency", "took", "time_taken")
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_KILLED = "was sent SIGKILL! Perhaps out of memory?"


@record(frozen=True)
class Answers:
    """What a log says."""

    total: int
    errors: int  # answers of 500 and more
    unavailable: int  # of these, 503
    times: tuple[float, ...]  # seconds, sorted; empty where the log has none
    oom_kills: int = 0  # workers that gunicorn says were killed for memory
    unread: int = 0  # lines that are not an answer

    @property
    def error_rate(self) -> float:
        return self.errors / self.total if self.total else 0.0

    def quantile(self, part: float) -> float | None:
        """Seconds within which this part of the answers came; None where the log has no times."""
        if not self.times:
            return None
        return self.times[min(len(self.times) - 1, int(part * len(self.times)))]


def parse(lines: Iterable[str]) -> Answers:
    """Lines in the common, combined, nginx, gunicorn or uvicorn form, or JSON objects.

    A time at the end of a line is in seconds if it has a decimal point, else in microseconds (Apache's and gunicorn's
    `%D`); a unit or a named field (`rt=0.12`, `duration: 12ms`) says it for sure.
    """
    total = errors = unavailable = kills = unread = 0
    times: list[float] = []
    for line in lines:
        status, seconds = _json(line) if line.lstrip().startswith("{") else _text(line)
        if status is None:
            kills += _KILLED in line
            unread += bool(line.strip())
            continue
        total += 1
        errors += status >= 500
        unavailable += status == 503
        if seconds is not None:
            times.append(seconds)
    return Answers(total, errors, unavailable, tuple(sorted(times)), kills, unread)


def _text(line: str) -> tuple[int | None, float | None]:
    found = _COMBINED.search(line)
    if not found:
        return None, None
    rest = found[2]
    named = _NAMED.search(rest)
    if named:
        return int(found[1]), _seconds(named[1], named[2] or "s")
    # The size stands right behind the status: a number there is none of the time.
    size_gone = re.sub(r"^\s+(?:\d+|-)(?=\s|$)", "", rest)
    last = _LAST.search(size_gone)
    return int(found[1]), _seconds(last[1], last[2]) if last else None


def _json(line: str) -> tuple[int | None, float | None]:
    try:
        found = json.loads(line)
    except ValueError:
        return None, None
    if not isinstance(found, dict):
        return None, None
    status = next((found[key] for key in _STATUS_KEYS if str(found.get(key, "")).isdigit()), None)
    if status is None or not 100 <= int(status) <= 599:
        return None, None
    for key, value in found.items():
        base, _, unit = str(key).rpartition("_")
        if unit in _UNITS and base in _TIME_KEYS:
            return int(status), _seconds(str(value), unit)
        if key in _TIME_KEYS:
            text = re.fullmatch(r"([\d.]+)\s*(ms|us|µs|s)?", str(value))
            return int(status), _seconds(text[1], text[2] or "s") if text else None
    return int(status), None


def _seconds(number: str, unit: str | None) -> float | None:
    try:
        value = float(number)
    except ValueError:
        return None
    return value * _UNITS[unit or ("s" if "." in number else "us")]
