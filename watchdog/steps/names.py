"""The names that a person may type here: services, runbooks, incidents. For TAB and for "did you mean"."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from watchdog.model.errors import WdError

Named = Literal["service", "runbook", "incident"]

_NEWEST = 20  # incidents that are listed


def known(kind: Named, home: Path | None) -> tuple[str, ...]:
    """Sorted names; none for a home that cannot be read. It never raises and prints nothing."""
    try:
        return tuple(sorted(_LISTS[kind](home)))
    except (WdError, OSError):
        return ()


def _services(home: Path | None) -> Iterable[str]:
    from watchdog.config import playbooks

    return playbooks.names(home) if home else ()


def _runbooks(home: Path | None) -> Iterable[str]:
    from watchdog.library import shelf

    return shelf.names("runbooks", home)


def _incidents(home: Path | None) -> Iterable[str]:
    from watchdog.journal.store import Journal
    from watchdog.system.disk import files

    return [one.id for one in Journal.open(files.state_folder(home)).incidents(limit=_NEWEST)]


_LISTS: dict[Named, Callable[[Path | None], Iterable[str]]] = {
    "service": _services,
    "runbook": _runbooks,
    "incident": _incidents,
}
