"""The time at the beginning of a log line, in the forms that servers write."""

from __future__ import annotations

import re
from datetime import datetime

_HEAD = 80  # characters of a line in which its time is looked for
_ISO = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?: ?(?:Z|[+-]\d\d:?\d\d))?")
_ACCESS = re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}")


def stamp(line: str) -> float | None:
    """Seconds since the epoch; None for a line that begins with no time. A time without a zone is local."""
    head = line[:_HEAD]
    try:
        if found := _ISO.search(head):
            return datetime.fromisoformat(found[0].replace(",", ".").replace(" +", "+").replace(" -", "-")).timestamp()
        if found := _ACCESS.search(head):
            return datetime.strptime(found[0], "%d/%b/%Y:%H:%M:%S %z").timestamp()
    except (ValueError, OverflowError):
        return None
    return None
