"""`wd doctor`: what wd can and cannot do here, before the emergency shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchdog.cpython.offsets import TABLE
from watchdog.evidence import stacks
from watchdog.model.exits import Exit
from watchdog.steps.spec import Context, StepResult
from watchdog.system.host.abilities import Ability, all_abilities
from watchdog.system.process import memory
from watchdog.text.shown import joined


def doctor(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Exit 0: all there; 1: something is missing that a command can do without; 2: something needed is missing."""
    found = (*all_abilities(), _stack_reader(), _inside(), _home(context))
    lines = [f"{'✓' if one.there else '✗'} {one.name:14} {one.detail}" for one in found]
    lines += [f"  {one.name}: {one.remedy}" for one in found if one.remedy]
    broken = [one.name for one in found if one.needed and not one.there]
    missing = [one.name for one in found if not one.there]
    rows = tuple({"name": one.name, "there": one.there, "detail": one.detail, "remedy": one.remedy} for one in found)
    code = Exit.CRITICAL if broken else Exit.WARNING if missing else Exit.FINE
    message = f"missing: {', '.join(missing)}" if missing else "everything is there"
    return StepResult("ok", message, {"missing": missing}, rows=rows, exit=code, text=joined(lines))


def _stack_reader() -> Ability:
    path = stacks.tracer()
    if path is None:
        return Ability("py-spy", False, "not in wd's own installation", "Install wd again: pipx reinstall wd-oncall")
    return Ability("py-spy", True, str(path))


def _inside() -> Ability:
    """Tasks, locks and objects: of which servers they can be read."""
    if not memory.READABLE:
        return Ability("inside", False, "suspended tasks, locks and objects are read on Linux only")
    return Ability("inside", True, f"tasks, locks and objects can be read of CPython {', '.join(TABLE)}")


def _home(context: Context) -> Ability:
    if context.home is None:
        return Ability("home", True, f"none; the record goes to {context.state}")
    return Ability("home", True, f"{context.home}; the record goes to {context.state}")
