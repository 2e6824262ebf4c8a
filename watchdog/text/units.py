"""Durations, sizes and times as people write them and as JSON carries them.

Inside the program a duration is seconds (float), a size is bytes (int) and a time is seconds since the epoch (float).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?B)?", re.ASCII | re.IGNORECASE)
_POWER = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_duration(text: str) -> float:
    """Seconds in "500ms", "10s", "5m", "1h", "7d" or a chain such as "1h30m". ValueError for anything else."""
    if not isinstance(text, str) or not (parts := _DURATION.findall(text)) or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"{text!r} is not a duration; write it like 500ms, 10s, 5m, 1h or 7d")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_size(text: str) -> int:
    """Bytes in "512MB", "4GB", "2GiB" or "1048576". K, M, G and T are powers of 1024, as memory is meant."""
    found = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found:
        raise ValueError(f"{text!r} is not a size; write it like 512MB or 4GB")
    return int(float(found[1]) * 1024 ** _POWER[found[2].upper()])


def format_duration(seconds: float) -> str:
    """Short and readable: "120ms", "4.2s", "3m 20s", "2h 05m", "3d 4h"."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s".replace(".0s", "s")
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s" if whole % 60 else f"{whole // 60}m"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def format_size(count: float) -> str:
    """Short and readable, in powers of 1024: "812 B", "45.8 MiB", "5.8 GiB"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def counted(number: int, word: str) -> str:
    """ "1 restart", "2 restarts", "2 processes"."""
    return f"{number} {word}" if number == 1 else f"{number} {word}{'es' if word.endswith('s') else 's'}"


def iso(when: float) -> str:
    """UTC with `Z` and hundredths of a second, the form of every time in JSON."""
    moment = datetime.fromtimestamp(when, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 10000:02d}Z"
