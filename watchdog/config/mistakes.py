"""A mistake in a file: where it is, what is wrong and what would be right; one line each, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from watchdog.model.errors import BadConfig
from watchdog.text.printable import printable

SHOWN = 50  # a file that is wrong throughout must not fill the screen
_LONGEST = 60


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """Lines and columns count from 1. `path` is "probes.health.every", or empty for the file as such."""

    file: str
    line: int
    column: int
    path: str
    message: str
    got: str | None = None  # what stands there, shortened; None where there is nothing, or nothing to be shown

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        path = f" {self.path}:" if self.path else ""
        got = f" (got {self.got})" if self.got is not None else ""
        return printable(f"{where}:{path} {self.message}{got}")


def bad_config(what: str, mistakes: Iterable[Mistake]) -> BadConfig:
    """The error that lists them in the order of the file."""
    lines = [str(mistake) for mistake in sorted(set(mistakes), key=lambda one: (one.file, one.line, one.column))]
    more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return BadConfig(what, mistakes=(*lines[:SHOWN], *more))


def shown(value: object) -> str:
    """A value as an error shows it: short, and without anything that a terminal would obey."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def listed(words: Iterable[str]) -> str:
    """Names in a row for a message; never an endless one."""
    names = list(words)
    return ", ".join(names[:30]) + (" …" if len(names) > 30 else "") if names else "none"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint behind an unknown word; empty if nothing is near."""
    import difflib  # here: most files have no mistake

    near = difflib.get_close_matches(word, known, 1, 0.6) if len(word) <= _LONGEST else []
    return f"; did you mean {near[0]!r}?" if near else ""
