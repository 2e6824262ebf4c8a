"""The command line of a server or a queue worker: how many workers it asks for, and the same line with another number.

All else of a live line stays as it is: class, address, application, and the framework's own flag. Pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from watchdog.system import here

# The flags of each program for the number of its processes, the long one first; empty: it has none.
_FLAGS: dict[str, tuple[str, ...]] = {
    "gunicorn": ("--workers", "-w"),
    "uvicorn": ("--workers",),
    "hypercorn": ("--workers", "-w"),
    "granian": ("--workers",),
    "sanic": ("--workers", "-w"),
    "fastapi": ("--workers",),
    "uwsgi": ("--processes", "-p", "--workers"),
    "celery": ("--concurrency", "-c"),
    "dramatiq": ("--processes", "-p"),
    "huey_consumer": ("--workers", "-w"),
    "huey_consumer.py": ("--workers", "-w"),
    "worker-pool": ("--num-workers", "-n"),  # of rq
    "rq": (),
    "arq": (),
}
_ASYNC = frozenset({"fastapi", "starlette", "litestar", "quart", "uvicorn", "hypercorn"})
_SYNC = frozenset({"flask", "django", "bottle", "pyramid", "falcon", "wsgiref", "waitress", "cherrypy"})
_SAFE = "127.0.0.1:8000"


def workers_of(words: Sequence[str]) -> int | None:
    """The number that a command line gives; None if it gives none."""
    start, flags = _program(words)
    for place, word in enumerate(words[start:], start):
        name, equals, value = word.partition("=")
        if name in flags and not equals:
            value = words[place + 1] if place + 1 < len(words) else ""
        elif name not in flags:
            short = next((flag for flag in flags if len(flag) == 2 and word.startswith(flag)), "")
            value = word[2:] if short else ""
        if value.isascii() and value.isdigit():
            return int(value)
    return None


def line(words: Sequence[str], workers: int, bind: str = "", framework: str | None = None) -> str:
    """The present command with this number of workers; of a web application without a server for many workers, a line
    to fill in. Empty where nothing fits: a program that takes no such number."""
    start, flags = _program(words)
    if start < 0:
        return _to_fill_in(workers, bind, framework)
    if not flags:
        return ""
    kept = list(words[_begin(words, start) :])
    found: list[str] = []
    done = skip = False
    for word in kept:
        if skip:
            skip = False
        elif _is_flag(word, flags):
            skip = word in flags
            found += [] if done else [flags[0], str(workers)]
            done = True
        else:
            found.append(word)
    if not done:
        place = next(index for index, word in enumerate(found) if _name(word) == _name(words[start])) + 1
        # A flag of a subcommand stands behind it: `celery -A shop worker --concurrency 4`.
        found[place:place] = [flags[0], str(workers)] if _name(words[start]) != "celery" else []
        found += [flags[0], str(workers)] if _name(words[start]) == "celery" else []
    return shlex.join(found)


def _program(words: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Where the program stands whose flags these are, and which they are; -1 for a program that is not known."""
    if "worker-pool" in words:
        return list(words).index("worker-pool"), _FLAGS["worker-pool"]
    for place, word in enumerate(words[:6]):
        if _name(word) in _FLAGS:
            return place, _FLAGS[_name(word)]
    return -1, _FLAGS["gunicorn"]


def _begin(words: Sequence[str], start: int) -> int:
    """Where the line to type begins: `python -m celery …` with its interpreter, a script in a bin folder by itself."""
    if start >= 2 and words[start - 1] == "-m":
        return start - 2
    return start if words[start] != "worker-pool" else max(0, start - 1)


def _name(word: str) -> str:
    return here.slashes(word).rpartition("/")[2]


def _is_flag(word: str, flags: Sequence[str]) -> bool:
    name = word.partition("=")[0]
    return name in flags or any(len(flag) == 2 and word.startswith(flag) and word[2:].isdigit() for flag in flags)


def _to_fill_in(workers: int, bind: str, framework: str | None) -> str:
    """A line for gunicorn; the class that speaks ASGI only for a framework of that kind, and no address but its own."""
    if framework is not None and framework not in _ASYNC | _SYNC and framework != "http.server":
        return ""
    kind = ("--worker-class", "uvicorn.workers.UvicornWorker") if framework in _ASYNC else ()
    limits = ("--timeout", "300", "--graceful-timeout", "120", "--max-requests", "1000", "--max-requests-jitter", "100")
    return shlex.join(["gunicorn", "--workers", str(workers), "APP:app", *kind, "--bind", bind or _SAFE, *limits])
