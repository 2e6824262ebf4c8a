"""Runs a function of a project again and again in that project's interpreter, and tells what stays behind."""

from __future__ import annotations

import json
import os
import pkgutil
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from watchdog.leak.verdict import LeakVerdict, Round, judge
from watchdog.model.errors import CannotTell, Failed, WrongUsage
from watchdog.model.records import record
from watchdog.system.child import commands

_VENVS = (".venv", "venv", "env")
_OUTPUT = 4000  # characters of what the function printed, told when it fails


@record(frozen=True)
class CallReport:
    """One hunt."""

    function: str
    python: str  # version
    rounds: tuple[Round, ...]
    verdict: LeakVerdict
    chain: tuple[str, ...] = ()  # from a module's variable down to an object that stayed
    picture: str = ""  # path of the drawing, or why there is none
    note: str = ""  # why rounds are missing

    def record(self) -> dict[str, Any]:
        return {
            "function": self.function,
            "python": self.python,
            "verdict": self.verdict.answer,
            "rule": self.verdict.rule,
            "rounds": [
                {
                    "calls": one.calls,
                    "objects": one.objects,
                    "per_call": round(one.per_call, 4),
                    "blocks": one.blocks,
                    "bytes": one.bytes,
                    "seconds": one.seconds,
                    "types": [list(pair) for pair in one.types],
                    "lines": [list(line) for line in one.lines],
                }
                for one in self.rounds
            ],
            "chain": list(self.chain),
            "picture": self.picture,
            "note": self.note,
        }


def find_python(named: str | None, folder: Path) -> str:
    """The interpreter that can import the project: the one named, the active environment's, the folder's own, PATH's.

    wd's own is never taken: it is installed apart from the project. CannotTell if there is none.
    """
    if named:
        found = shutil.which(named)
        if found is None:
            raise WrongUsage(
                f"{named} is not a program that can be run", todo="--python takes the path of an interpreter"
            )
        return found
    active = os.environ.get("VIRTUAL_ENV")
    folders = [Path(active)] if active else []
    for place in (*folders, *(folder / name for name in _VENVS)):
        if (place / "bin" / "python").exists():
            return str(place / "bin" / "python")
    found = shutil.which("python3") or shutil.which("python")
    if found is None:
        raise CannotTell("no Python interpreter was found", "there is none on PATH", "name it: --python PATH")
    return found


def call(
    function: str, *, python: str, folder: Path, rounds: Sequence[int], within: float, picture: Path | None = None
) -> CallReport:
    """Hunt. WrongUsage if the function cannot be had, Failed if it fails at its first call."""
    module, _, name = function.partition(":")
    if not module or not name or module.startswith("-"):
        raise WrongUsage(f"{function!r} names no function", todo="write it like shop.orders:export")
    text = pkgutil.get_data("watchdog.leak", "runner.py")
    if text is None:
        raise CannotTell("wd's own runner is missing", "the installation is incomplete")
    with tempfile.TemporaryDirectory(prefix="wd-leak-") as scratch:
        result = Path(scratch, "result.json")
        words = [python, "-c", text.decode(), function, ",".join(map(str, rounds)), str(result), str(within)]
        words += [str(picture)] if picture else []
        done = commands.run(words, timeout=within + 10.0, cwd=folder, env=dict(os.environ), limit=1_000_000)
        try:
            found = json.loads(result.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise Failed(
                f"{function} could not be run", done.error or done.output[-_OUTPUT:].strip() or "it left no result"
            ) from None
    return _report(function, found, done)


def read_report(path: Path) -> tuple[Round, ...]:
    """The rounds of an earlier run that was kept with `--save`. WrongUsage if the file is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_round(one) for one in found["rounds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WrongUsage(
            f"{path} is not a result of `wd leak call FUNCTION --save FILE`", f"it cannot be read: {error}"
        ) from None


def _report(function: str, found: Mapping[str, Any], done: commands.Done) -> CallReport:
    rounds = tuple(_round(one) for one in found["rounds"])
    if not rounds:
        said = done.output[-_OUTPUT:].strip()
        raise WrongUsage(f"{function} cannot be run: {found['error']}", said, "try it by hand with the same --python")
    note = found["error"] or (f"ended after {done.seconds:.0f} s" if done.timed_out else "")
    chain = tuple(map(str, found["chain"]))
    return CallReport(function, str(found["python"]), rounds, judge(rounds), chain, str(found["picture"]), note)


def _round(one: Mapping[str, Any]) -> Round:
    return Round(
        int(one["calls"]),
        int(one["objects"]),
        int(one["blocks"]),
        int(one["bytes"]),
        float(one["seconds"]),
        tuple((str(name), int(count)) for name, count in one["types"]),
        tuple((str(file), int(line), int(count), int(size)) for file, line, count, size in one["lines"]),
    )
