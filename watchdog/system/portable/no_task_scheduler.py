"""The Task Scheduler on a system that has none."""

from __future__ import annotations

from typing import NoReturn

from watchdog.model.errors import CannotTell

USUAL = "cron"  # where nothing else is asked for


def create_task(name: str, xml: str) -> NoReturn:
    raise _missing()


def read_task(name: str) -> str:
    raise _missing()


def delete_task(name: str) -> NoReturn:
    raise _missing()


def _missing() -> CannotTell:
    return CannotTell(
        "there is no Task Scheduler on this system",
        todo="--dry-run prints the XML; import it on the Windows machine: schtasks /Create /XML FILE /TN NAME",
    )
