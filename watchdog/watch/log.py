"""The loop's own log: a rotated file in the state folder, the terminal where somebody looks, and one file a run.

Never with the values of variables: a password may be among them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

from loguru import logger

from watchdog.model.errors import WdError
from watchdog.system.disk.files import make_folder
from watchdog.text.shown import shown

_LINE = "{time:YYYY-MM-DD HH:mm:ss.SSS} {level: <7} {extra[service]: <12} {message}\n"
_KEPT = 5
_SIZE = 10_000_000


def set_up(folder: Path, verbose: bool = False, terminal: bool = True, name: str = "watch.log") -> None:
    """Log into that file of the folder, and to standard error if `terminal`."""
    logging.getLogger("apscheduler").propagate = False  # the loop tells what broke itself, without a traceback
    logging.getLogger("apscheduler").addHandler(logging.NullHandler())
    logger.remove()
    logger.configure(extra={"service": "-", "incident": ""}, patcher=_clean)
    level = "DEBUG" if verbose else "INFO"
    safe: dict[str, Any] = {"backtrace": False, "diagnose": False, "catch": False}
    if terminal and sys.stderr is not None:
        logger.add(sys.stderr, format=lambda record: _LINE, level=level, colorize=False, **safe | {"catch": True})
    with contextlib.suppress(OSError):  # a full disk must not end the watch
        path = folder / name
        logger.add(
            path, format=lambda record: _LINE, level=level, rotation=_SIZE, retention=_KEPT, opener=_private, **safe
        )


def say(service: str, message: str, level: str = "INFO", incident: str = "") -> None:
    """One line about one service."""
    with contextlib.suppress(OSError, ValueError):  # a full disk costs the line in the file; the terminal had it before
        logger.bind(service=service or "-", incident=incident).log(level, "{}", message)


class RunFile:
    """What is said about one incident, in a file in its own folder, until it is closed."""

    def __init__(self, folder: Path, incident: str) -> None:
        self._number: int | None = None
        with contextlib.suppress(OSError, ValueError, WdError):
            self._number = logger.add(
                make_folder(folder) / "run.log",
                format=lambda record: _LINE,
                filter=lambda record: record["extra"].get("incident") == incident,
                opener=_private,
                backtrace=False,
                diagnose=False,
                catch=False,
            )

    def close(self) -> None:
        if self._number is not None:
            with contextlib.suppress(OSError):  # what was not yet written has no room
                logger.remove(self._number)
            self._number = None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def _clean(record: Any) -> None:
    """Control characters and secrets of whatever was found on the machine stay out."""
    record["message"] = shown(record["message"])
