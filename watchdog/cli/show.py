"""Results on a terminal, in a pipe, as JSON: what is printed on standard output comes from here alone."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from watchdog.model.errors import WdError
from watchdog.model.exits import Exit
from watchdog.steps.spec import Answer, StepResult, StepSpec
from watchdog.text.fitting import fitted
from watchdog.text.redact import redact_data
from watchdog.text.shown import shown, shown_lines
from watchdog.text.units import format_duration

_TO_TYPE = re.compile("`wd (?=[a-z])")
_FINE = ("ok", "warning", "planned", "skipped")
_OUTCOMES = {
    Exit.FINE: "ok",
    Exit.WARNING: "warning",
    Exit.CRITICAL: "failed",
    Exit.UNKNOWN: "unknown",
    Exit.NOTHING: "nothing",
    Exit.REFUSED: "refused",
    Exit.INTERRUPTED: "interrupted",
}


_home = ""  # as it was named with --home


def name_home(named: str) -> None:
    """From here on each `wd …` that is printed for a person to type names this home, too: it runs as it stands."""
    global _home
    _home = named


def with_home(text: str) -> str:
    return _TO_TYPE.sub(lambda _: f"`wd --home {shlex.quote(_home)} ", text) if _home else text


def say(line: str) -> None:
    """One line of progress for a person, on standard error; a lost terminal must never stop a run."""
    with contextlib.suppress(OSError, ValueError):
        print(_fitted(with_home(shown(line)), sys.stderr), file=sys.stderr, flush=True)


def quiet(line: str) -> None:
    """In place of `say` with --quiet."""


def ask(question: str) -> bool:
    """A yes or no from a person. Without a terminal the answer is no: what asks is then refused."""
    if not (sys.stdin and sys.stdin.isatty()):
        return False
    _put(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _put(question: str) -> None:
    """A question may quote a script of several lines: those are set in, so that none of them looks like wd's own."""
    first, *rest = question.split("\n")
    for line in (first, *(f"  | {line}" for line in rest)):
        say(line)


def ask_within(question: str, seconds: float, still: Callable[[], bool]) -> Answer:
    """A question that does not wait for ever, and is withdrawn when it is no longer valid."""
    from watchdog.system.host import terminal  # here: few commands ask anything

    if not terminal.can_answer():
        return "nobody"
    terminal.forget_typed()
    _put(f"{question} [y/N] (no answer within {format_duration(seconds)} is a no)")
    line = terminal.line_within(seconds, still)
    if line is None:
        return "late" if still() else "over"
    return "yes" if line.strip().lower() in ("y", "yes") else "no"


def result(spec: StepSpec, came_to: StepResult, output: str) -> Exit:
    """Print the result in the asked form and hand on its exit code, also where nobody reads any more."""
    with contextlib.suppress(OSError):  # `| head -1`, a terminal that was closed, a full disk: the work is done
        _print_result(spec, came_to, output)
    return came_to.exit


def failure(error: WdError, code: Exit, *, as_json: bool) -> Exit:
    """What happened, why, and what to type: on standard error, and as the result line of a script."""
    for number, line in enumerate(error.lines()):
        say(f"wd: {line}" if number == 0 else f"    {line}")
    if as_json:
        with contextlib.suppress(OSError, ValueError):
            _print(json_line({"outcome": _OUTCOMES[code], "error": error.record()}))
    return code


def json_line(row: Mapping[str, Any]) -> str:
    """One object on one line, without secrets; JSON escapes what could forge a second line."""
    import json  # here: most of what is printed is text

    return json.dumps(redact_data(row), ensure_ascii=True, default=str)


def result_line(came_to: StepResult) -> str:
    """The last line of every command: its outcome, what went wrong if anything did, and its own keys."""
    error = None if came_to.outcome in _FINE else {"what": came_to.message, "why": "", "todo": ""}
    return json_line({"outcome": came_to.outcome, "error": error, **came_to.data})


def _print_result(spec: StepSpec, came_to: StepResult, output: str) -> None:
    if output == "json":
        for row in came_to.rows:
            _print(json_line(row))
        _print(result_line(came_to))
    elif output == "pids":
        for row in came_to.rows:
            _print(str(row.get("pid", "")))
    elif came_to.text:
        _lines(with_home(shown_lines(came_to.text.rstrip("\n"))).split("\n"), plain=output == "plain")
    elif spec.lists:
        _table(came_to.rows, came_to.message, plain=output == "plain")
    else:
        _print(_fitted(with_home(shown(came_to.message)), sys.stdout))


def _fitted(text: str, stream: TextIO) -> str:
    """Folded at words where a person reads it on a terminal; a pipe gets each line whole."""
    if not stream.isatty():
        return text
    from watchdog.system.host import terminal  # here: only for a person

    columns = terminal.columns(stream)
    return fitted(text, columns) if columns else text


def _print(line: str) -> None:
    print(line)


def _lines(lines: Sequence[str], *, plain: bool) -> None:
    """Where a person looks: coloured, and folded between words."""
    if plain or not sys.stdout.isatty():
        _print("\n".join(lines))
        return
    from rich.console import Console

    from watchdog.cli.colour import painted

    console = Console(highlight=False)
    for line in _fitted("\n".join(lines), sys.stdout).split("\n"):
        console.print(painted(line), soft_wrap=True)


def _table(rows: Sequence[Mapping[str, Any]], otherwise: str, *, plain: bool) -> None:
    """Columns for the keys of the first row; coloured lines only where a person looks."""
    if not rows:
        say(otherwise)
        return
    names = list(rows[0])
    cells = [[shown(_cell(row.get(name))) for name in names] for row in map(redact_data, rows)]
    if sys.stdout.isatty() and not plain:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in names:
            table.add_column(name.upper().replace("_", " "), overflow="fold")
        for line in cells:
            table.add_row(*(Text(cell) for cell in line))  # Text: "[x]" in a command line is not markup
        Console().print(table)
        return
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    _print("  ".join(name.upper().ljust(width) for name, width in zip(names, widths, strict=True)).rstrip())
    for line in cells:
        _print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return " ".join(str(one) for one in value)
    return str(value)
