"""Values with a unit or a meaning of their own: times, sizes, shares, thresholds, cron lines."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from watchdog.config.fields import NUMBER, Reader, Whole, scalar
from watchdog.model.playbook import Percent, Threshold
from watchdog.text.units import format_size, parse_duration, parse_size

DAY = 86400.0
_PERCENT = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*%?", re.ASCII)
_FAILS = re.compile(r"(\d{1,5})(?:\s+of\s+(\d{1,5}))?", re.ASCII)
_DURATION_SCHEMA = {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"}


def written(seconds: float) -> str:
    """A duration as one would write it in a playbook: 90s, 5m, 14d."""
    for unit, length in (("d", DAY), ("h", 3600.0), ("m", 60.0), ("s", 1.0)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}s"


@dataclass(frozen=True)
class Duration(Reader):
    """A time with its unit, as seconds."""

    low: float = 0.01
    high: float = 7 * DAY

    def read(self, value: Any) -> float:
        right = f"this needs a time from {written(self.low)} to {written(self.high)}, such as 10s or 5m"
        text = scalar(value, right)
        if NUMBER.fullmatch(text):
            raise ValueError(f"the unit is missing: 500ms, 10s, 5m, 1h or 7d; {right}")
        try:
            seconds = parse_duration(text) if len(text) <= 32 else math.inf
        except ValueError:
            raise ValueError(right) from None
        if not self.low <= seconds <= self.high:
            raise ValueError(right)
        return seconds

    def schema(self) -> dict[str, Any]:
        return {**_DURATION_SCHEMA, "examples": ["500ms", "10s", "5m", "1h"]}


@dataclass(frozen=True)
class Size(Reader):
    """A size in bytes, or with `share` a percentage too."""

    share: bool = False

    def read(self, value: Any) -> int | Percent:
        right = "this needs a size such as 512MB or 4GB" + (", or a share such as 85%" if self.share else "")
        text = scalar(value, right)
        if self.share and text.endswith("%"):
            return Share(100.0).read(text)
        try:
            size = parse_size(text) if len(text) <= 32 else -1
        except (ValueError, OverflowError):
            raise ValueError(right) from None
        if not 1 <= size <= 1 << 60:
            raise ValueError(f"{right}; from 1 byte to {format_size(1 << 60)}")
        if re.fullmatch(r"[\d.]+", text) and size < 4096:
            raise ValueError(f"the unit is missing, {size} bytes can hardly be meant; {right}")
        return size

    def schema(self) -> dict[str, Any]:
        unit = "([KMGTkmgt]?(i?[Bb])?|%)" if self.share else "[KMGTkmgt]?(i?[Bb])?"
        text = {"type": "string", "pattern": rf"^\d+(\.\d+)?\s*{unit}$", "examples": ["512MB", "4GB"]}
        return {"anyOf": [text, {"type": "integer", "minimum": 4096}]}


@dataclass(frozen=True)
class Share(Reader):
    """A percentage, with or without its sign."""

    high: float = 100.0

    def read(self, value: Any) -> Percent:
        right = f"this needs a percentage above 0 and up to {self.high:g}, such as 85%"
        found = _PERCENT.fullmatch(scalar(value, right))
        if not found or not 0 < float(found[1]) <= self.high:
            raise ValueError(right)
        return Percent(float(found[1]))

    def schema(self) -> dict[str, Any]:
        text = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%?$"}
        return {"anyOf": [text, {"type": "number", "exclusiveMinimum": 0, "maximum": self.high}]}


@dataclass(frozen=True)
class CountOrShare(Reader):
    """So many, or so much of the limit."""

    high: int

    def read(self, value: Any) -> int | Percent:
        if isinstance(value, str) and value.endswith("%"):
            return Share().read(value)
        try:
            return Whole(1, self.high).read(value)
        except ValueError:
            raise ValueError(
                f"this needs a number from 1 to {self.high}, or a share of the limit such as 85%"
            ) from None

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [Whole(1, self.high).schema(), {"type": "string", "pattern": r"^\d+(\.\d+)?%$"}]}


@dataclass(frozen=True)
class Fails(Reader):
    """`3` (in a row) or `3 of 5`."""

    def read(self, value: Any) -> Threshold:
        right = 'this needs a number of failures in a row, such as 3, or "3 of 5"'
        found = _FAILS.fullmatch(scalar(value, right))
        fails, of = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= fails <= of <= 1000:
            raise ValueError(f"{right}; at least 1, at most 1000")
        return Threshold(fails, of)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [Whole(1, 1000).schema(), {"type": "string", "pattern": r"^\d+(\s+of\s+\d+)?$"}]}


@dataclass(frozen=True)
class CronLine(Reader):
    """Five fields, as cron means them."""

    def read(self, value: Any) -> str:
        from datetime import datetime

        from cronsim import CronSim, CronSimError

        right = 'this needs a cron line of five fields, such as "0 4 * * *" (minute hour day month weekday)'
        text = scalar(value, right)
        if len(text) > 200 or len(text.split()) != 5:
            raise ValueError(right)
        try:
            next(CronSim(text, datetime(2026, 1, 1)))
        except CronSimError as error:
            raise ValueError(f"{right}: {error}") from None
        except StopIteration:
            raise ValueError("this cron line never comes") from None
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\s*(\S+\s+){4}\S+\s*$", "examples": ["0 4 * * *"]}
