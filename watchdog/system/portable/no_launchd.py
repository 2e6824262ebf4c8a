"""launchd on a system that has none."""

from __future__ import annotations

from typing import NoReturn

from watchdog.model.errors import CannotTell


def read_agent(name: str) -> str:
    raise _missing()


def put_agent(name: str, text: str) -> NoReturn:
    raise _missing()


def take_agent(name: str) -> NoReturn:
    raise _missing()


def _missing() -> CannotTell:
    return CannotTell("there is no launchd on this system", todo="--dry-run prints the plist for a Mac")
