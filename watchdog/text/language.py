"""Sentences in the language of the reader: English as it stands in the code, other languages from the catalogue.

`translated("port {port} is free", port=80)` looks the English sentence up. JSON, exit codes, names of causes, steps and
keys are never translated. gettext is imported for the first sentence that is not English.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gettext import GNUTranslations

ENGLISH = "en"
LANGUAGES = (ENGLISH, "ja")
FOLDER = Path(__file__).parent / "catalogue"
_current: ContextVar[str] = ContextVar("language", default=ENGLISH)


def current() -> str:
    """The language of this thread and task."""
    return _current.get()


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """What is translated inside is in this language; an unknown one is English."""
    before = _current.set(language if language in LANGUAGES else ENGLISH)
    try:
        yield
    finally:
        _current.reset(before)


def translated(text: str, /, **values: Any) -> str:
    """The sentence in the current language, with its values in it."""
    found = text if current() == ENGLISH else _catalogue(current()).gettext(text)
    return found.format(**values) if values else found


def translated_count(one: str, many: str, count: int, /, **values: Any) -> str:
    """The same for a sentence with a number in it: `{count}`."""
    found = (one if count == 1 else many) if current() == ENGLISH else _catalogue(current()).ngettext(one, many, count)
    return found.format(count=count, **values)


def translated_word(text: str, kind: str) -> str:
    """A word of a fixed list, such as the state of a step; what is not in the list stays as it is."""
    return text if current() == ENGLISH else _catalogue(current()).pgettext(kind, text)


def marked(text: str) -> str:
    """The text itself: it stands in a table, and is translated where it is shown."""
    return text


def wanted(accepted: str) -> str:
    """The best of our languages for the header Accept-Language of a browser."""
    best, quality = ENGLISH, 0.0
    for part in accepted.split(",")[:20]:
        name, _, parameter = part.partition(";")
        language = name.strip().lower().partition("-")[0]
        given = parameter.strip().removeprefix("q=") or "1"
        try:
            weight = float(given)
        except ValueError:
            continue
        if language in LANGUAGES and weight > quality:
            best, quality = language, weight
    return best


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(language: str) -> GNUTranslations:
    from gettext import GNUTranslations

    with (FOLDER / f"{language}.mo").open("rb") as file:
        return GNUTranslations(file)
