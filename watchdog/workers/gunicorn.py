"""The command line of gunicorn: the number of workers in it, and the same line with another number. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

_NAMES = ("--workers", "-w")
_TEMPLATE = (
    "gunicorn", "APP:app", "--worker-class", "uvicorn.workers.UvicornWorker", "--bind", "0.0.0.0:8000",
    "--timeout", "300", "--graceful-timeout", "120", "--worker-connections", "500",
    "--max-requests", "1000", "--max-requests-jitter", "100",
)  # fmt: skip


def workers_of(words: Sequence[str]) -> int | None:
    """The number that a command line gives; None if it gives none."""
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in _NAMES and not equals:
            value = words[place + 1] if place + 1 < len(words) else ""
        elif name not in _NAMES:
            value = word[2:] if word.startswith("-w") and word[2:].isdigit() else ""
        if value.isascii() and value.isdigit():
            return int(value)
    return None


def line(words: Sequence[str], workers: int) -> str:
    """The present command with this number of workers; a line to fill in where there is no gunicorn yet."""
    start = next((place for place, word in enumerate(words) if word.rpartition("/")[2] == "gunicorn"), None)
    kept = list(_TEMPLATE) if start is None else ["gunicorn", *words[start + 1 :]]
    found: list[str] = []
    done = skip = False
    for word in kept:
        if skip:
            skip = False
        elif word in _NAMES or word.startswith("--workers=") or (word.startswith("-w") and word[2:].isdigit()):
            skip = word in _NAMES
            found += [] if done else ["--workers", str(workers)]
            done = True
        else:
            found.append(word)
    if not done:
        found[1:1] = ["--workers", str(workers)]
    return shlex.join(found)
