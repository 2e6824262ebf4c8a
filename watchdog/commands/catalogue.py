"""`wd runbooks list|show|lint`: what can be run here, what it says, and whether it can be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchdog.library import shelf
from watchdog.model.errors import BadConfig
from watchdog.model.exits import Exit
from watchdog.model.procedure import Runbook
from watchdog.runbook import document
from watchdog.runbook import lint as linting
from watchdog.steps.spec import Context, StepResult
from watchdog.text.shown import joined
from watchdog.text.units import counted


def list_all(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Every runbook that can be run in this home, one a row; one that cannot be read is listed with the reason."""
    rows = []
    for name in shelf.names("runbooks", context.home):
        source = "home" if name in shelf.of_home("runbooks", context.home) else "shipped"
        try:
            found = document.find(name, context.home)
            summary, takes = found.summary, [_takes(found)] if found.parameters else []
        except BadConfig as error:
            summary, takes = f"cannot be used: {error.what}", []
        rows.append({"name": name, "from": source, "summary": summary, "parameters": " ".join(takes)})
    return StepResult("ok", f"{len(rows)} runbooks", {"runbooks": len(rows)}, rows=tuple(rows))


def show(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The document itself, as a person reads it."""
    found = document.find(options["runbook"], context.home)
    parameters = [{"name": one.name, "default": one.default, "help": one.help} for one in found.parameters]
    data = {"name": found.name, "path": found.path, "summary": found.summary, "parameters": parameters}
    return StepResult("ok", found.summary, {**data, "text": found.text}, text=found.text)


def lint(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The named ones, else the home's own, else the shipped. Exit 1: warnings; 3: one cannot be run as it stands."""
    rows: list[dict[str, Any]] = []
    names = options["runbook"] or tuple(shelf.of_home("runbooks", context.home) or shelf.shipped("runbooks"))
    for name in names:
        try:
            warnings = linting.warnings(document.find(name, context.home))
        except BadConfig as error:
            told = error.mistakes or (error.what,)
            rows += [{"runbook": name, "mistake": True, "message": line} for line in told]
            continue
        rows += [{"runbook": name, "mistake": one.mistake, "message": str(one)} for one in warnings]
    mistakes = sum(row["mistake"] for row in rows)
    warnings = len(rows) - mistakes
    code = Exit.UNKNOWN if mistakes else Exit.WARNING if rows else Exit.FINE
    message = f"{counted(len(names), 'runbook')}: {counted(mistakes, 'mistake')}, {counted(warnings, 'warning')}"
    text = joined([*(str(row["message"]) for row in rows), message])
    data = {"runbooks": len(names), "mistakes": mistakes, "warnings": warnings}
    return StepResult("warning" if rows else "ok", message, data, rows=tuple(rows), exit=code, text=text)


def _takes(runbook: Runbook) -> str:
    return " ".join(f"{one.name}={one.default}" if one.default is not None else one.name for one in runbook.parameters)
