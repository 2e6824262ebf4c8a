"""`wd validate`: every playbook and runbook of the home, every mistake at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from watchdog.config import playbooks
from watchdog.library import shelf
from watchdog.model.errors import BadConfig
from watchdog.model.exits import Exit
from watchdog.runbook import document
from watchdog.runbook.lint import warnings
from watchdog.steps.spec import Context, StepResult
from watchdog.text.shown import joined

Row = dict[str, Any]


def validate(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The named files, or all of the home. Exit 3 if there is a mistake; warnings are left to `wd runbooks lint`."""
    named = [Path(name) for name in options["file"]]
    if not named and context.home is None:
        raise BadConfig("there is nothing to validate", "no home was found", "Name one with --home, or name the files.")
    rows = [_row(path, context.home) for path in named or _files(context.home)]
    if not named and context.home and not any(row["mistakes"] for row in rows):
        rows += _same_service(context.home)
    mistakes = [mistake for row in rows for mistake in row["mistakes"]]
    count = f"{len(rows)} file{'s' if len(rows) != 1 else ''}"
    message = (
        f"{count}: {len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}" if mistakes else f"{count}: all fine"
    )
    data = {"files": len(rows), "mistakes": len(mistakes)}
    return StepResult(
        "failed" if mistakes else "ok",
        message,
        data,
        rows=tuple(rows),
        exit=Exit.UNKNOWN if mistakes else Exit.FINE,
        text=joined([*mistakes, message]),
    )


def _files(home: Path | None) -> Iterable[Path]:
    return [*playbooks.files(home), *shelf.of_home("runbooks", home).values()] if home else []


def _row(path: Path, home: Path | None) -> Row:
    if path.suffix == ".md":
        return {"file": str(path), "kind": "runbook", "mistakes": _told(lambda: _runbook(path))}
    return {"file": str(path), "kind": "playbook", "mistakes": _told(lambda: _playbook(path, home))}


def _playbook(path: Path, home: Path | None) -> Iterable[str]:
    inside = home is not None and path.absolute().is_relative_to(home)
    playbooks.load(path, home if inside else None)
    return ()


def _runbook(path: Path) -> Iterable[str]:
    return [str(one) for one in warnings(document.parse(path)) if one.mistake]


def _same_service(home: Path) -> list[Row]:
    """Two files about one service are each fine alone."""

    def all_together() -> Iterable[str]:
        playbooks.load_all(home)
        return ()

    told = _told(all_together)
    return [{"file": str(home / "playbooks"), "kind": "playbook", "mistakes": told}] if told else []


def _told(look: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return list(look())
    except BadConfig as error:
        return list(error.mistakes) or [": ".join(part for part in (error.what, error.why) if part)]
