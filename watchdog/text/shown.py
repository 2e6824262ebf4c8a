"""The one filter of everything that wd shows: no secret comes through, and no text of others forges a line.

Each sink uses it (terminal, log, notification; JSON has `redact_data` and escapes of its own), so that no caller has to
think of it. Text of several lines is made with `joined`: a newline within a part is shown as \\n and begins no line.
"""

from __future__ import annotations

from collections.abc import Iterable

from watchdog.text.printable import printable, printable_lines
from watchdog.text.redact import redact


def shown(text: str, limit: int | None = None) -> str:
    """One line. The secrets go first: cut before, a half of one would not be recognised."""
    line = printable(redact(text))
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def shown_lines(text: str) -> str:
    """Several lines, made by `joined` or read from a document."""
    return printable_lines(redact(text))


def joined(lines: Iterable[str]) -> str:
    """Text with exactly one line for each part, whatever the part holds."""
    return "\n".join(printable(line) for line in lines)
