"""Colour for lines that begin with a mark. The mark and the word say the same, so nothing is lost without colour."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {"✓": "green", "!": "yellow", "✗": "bold red", "?": "magenta", "–": "dim"}
_HEAD = re.compile(r"\s*(?P<mark>\S) \S+(\s+(ok|slow|failed|unknown|stopped)\b)?")
_CALLS = re.compile(r"ASKS: |GAVE UP: ")


def painted(line: str) -> Text:
    """For a console of rich, which leaves the colours away where NO_COLOR is set."""
    from rich.text import Text

    text = Text(line)
    head = _HEAD.match(line)
    if head and (style := _STYLES.get(head["mark"])):
        text.stylize(style, head.start("mark"), head.end())
    for found in _CALLS.finditer(line):
        text.stylize("bold yellow", found.start(), found.end())
    return text
