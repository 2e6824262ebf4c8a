"""Lines that fit a terminal: folded between words, so that no word is cut and an indent stays visible."""

from __future__ import annotations

import textwrap

_NARROWEST = 20  # columns: below that nothing can be read anyway
_FURTHER = 4  # columns by which the rest of a folded line is set in


def fitted(text: str, width: int) -> str:
    """The text with each longer line folded; a word that is longer than the terminal stays whole."""
    return "\n".join(folded for line in text.split("\n") for folded in _folded(line, max(width, _NARROWEST)))


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width or "\x1b" in line:
        return [line]
    indent = min(len(line) - len(line.lstrip()) + _FURTHER, width // 2)
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        expand_tabs=False,
    )
