"""A live program's memory, followed from outside."""

from __future__ import annotations

import sys
from pathlib import Path

from interpreters import NEEDS_RIGHT, script

from watchdog.leak.watch import watch
from watchdog.model.selector import Selector
from watchdog.targets.resolve import resolve

pytestmark = NEEDS_RIGHT


def test_a_growing_program_is_told_with_the_type_the_variable_and_the_line() -> None:
    with script(sys.executable, "leaky.py") as (process, _):
        (tree,) = resolve(Selector(pid=process.pid))
        said: list[str] = []
        report = watch(tree, 4.0, 0.2, said.append)
        assert report.curve.leaks
        assert report.left is not None and report.left > 0
        assert report.types[0].type in ("__main__.Order", "list")
        assert report.holding is not None and "GROWING" in report.holding.words
        assert report.holding.culprit is not None
        line = Path(report.holding.culprit.file).read_text().splitlines()[report.holding.culprit.line - 1]
        assert "GROWING.append" in line
        assert report.record()["culprit"]["line"] == report.holding.culprit.line
        assert said


def test_a_quiet_program_is_flat() -> None:
    with script(sys.executable, "keeping.py") as (process, _):
        (tree,) = resolve(Selector(pid=process.pid))
        report = watch(tree, 2.0, 0.2, lambda _: None)
        assert (report.curve.kind, report.left, report.types) == ("flat", None, ())


def test_a_program_that_ends_meanwhile_is_said_to_have_ended() -> None:
    with script(sys.executable, "keeping.py") as (process, _):
        (tree,) = resolve(Selector(pid=process.pid))
        process.kill()
        process.wait()
        report = watch(tree, 30.0, 0.2, lambda _: None)
        assert "ended" in report.notes[0]
        assert report.inside is None
