"""`wd validate`: every playbook and runbook of the home, every mistake at once; with --here also on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from watchdog.commands.validate_here import mistakes, tried, unreachable
from watchdog.config import playbooks
from watchdog.library import shelf
from watchdog.model.errors import BadConfig
from watchdog.model.exits import Exit
from watchdog.runbook import document, lint
from watchdog.steps.spec import Context, StepResult
from watchdog.text.shown import joined

Row = dict[str, Any]


def validate(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The named files, or all of the home. Exit 3 if there is a mistake, 1 where only Apprise is missing."""
    named = [Path(name) for name in options["file"]]
    if not named and context.home is None:
        raise BadConfig("there is nothing to validate", "no home was found", "Name one with --home, or name the files.")
    paths = named or list(_files(context.home))
    rows = [_row(path, context, here=bool(options.get("here"))) for path in paths]
    if not named and context.home and not any(row["mistakes"] for row in rows):
        rows += _same_service(context.home)
    return _result(rows)


def _result(rows: list[Row]) -> StepResult:
    wrong = [line for row in rows for line in row["mistakes"]]
    warnings = [line for row in rows for line in row["warnings"]]
    message = f"{counted(len(rows), 'file')}: {counted(len(wrong), 'mistake') if wrong else 'all fine'}"
    if warnings:
        message += f", {counted(len(warnings), 'warning')}"
    return StepResult(
        "failed" if wrong else "warning" if warnings else "ok",
        message,
        {"files": len(rows), "mistakes": len(wrong), "warnings": len(warnings)},
        rows=tuple(rows),
        exit=Exit.UNKNOWN if wrong else Exit.WARNING if warnings else Exit.FINE,
        text=joined([*wrong, *warnings, *(row["note"] for row in rows if row["note"]), message]),
    )


def counted(number: int, what: str) -> str:
    """ "1 file", "2 files"."""
    return f"{number} {what}{'s' if number != 1 else ''}"


def _files(home: Path | None) -> Iterable[Path]:
    return [*playbooks.files(home), *shelf.of_home("runbooks", home).values()] if home else []


def _row(path: Path, context: Context, *, here: bool) -> Row:
    row: Row = {"file": str(path), "kind": "runbook", "mistakes": [], "warnings": [], "note": ""}
    if path.suffix == ".md":
        return {**row, "mistakes": _reported(lambda: _runbook(path))}
    row["kind"] = "playbook"
    inside = context.home is not None and path.absolute().is_relative_to(context.home)
    try:
        playbook = playbooks.load(path, context.home if inside else None)
    except BadConfig as error:
        return {**row, "mistakes": _lines(error)}
    if not here:
        return {**row, "warnings": [f"{path}: {line}" for line in unreachable(playbook)]}
    row["mistakes"] = [f"{path}: {line}" for line in mistakes(playbook, context)]
    return {**row, "note": f"{path}: {tried(playbook, context)}"}


def _runbook(path: Path) -> Iterable[str]:
    return [str(one) for one in lint.warnings(document.parse(path)) if one.mistake]


def _same_service(home: Path) -> list[Row]:
    """Two files about one service are each fine alone."""

    def all_together() -> Iterable[str]:
        playbooks.load_all(home)
        return ()

    found = _reported(all_together)
    row = {"file": str(home / "playbooks"), "kind": "playbook", "mistakes": found, "warnings": [], "note": ""}
    return [row] if found else []


def _reported(look: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return list(look())
    except BadConfig as error:
        return _lines(error)


def _lines(error: BadConfig) -> list[str]:
    return list(error.mistakes) or [": ".join(part for part in (error.what, error.why) if part)]
