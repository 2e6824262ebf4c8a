"""Every command that stands in a text of wd, in its code or its runbooks, is one that wd understands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from printed import commands, misunderstood

ROOT = Path(__file__).parents[2]
SOURCES = [*sorted((ROOT / "watchdog").rglob("*.py")), *sorted((ROOT / "runbooks").glob("*.md")), ROOT / "README.md"]


def texts(path: Path) -> Iterator[str]:
    """What a file can print: its strings with a value in each gap, a document as it is."""
    if path.suffix != ".py":
        yield path.read_text(encoding="utf-8").replace("```wd", "")
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in one.values}
    pages = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}  # documentation of the code
    for one in ast.walk(tree):
        if isinstance(one, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in one.values)
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in inner | pages:
            yield one.value


def proposed(path: Path) -> Iterator[str]:
    """A document that only names a command, as in "`wd kill` asks first", proposes nothing."""
    for text in texts(path):
        yield from (one for one in commands(text) if path.suffix == ".py" or one.count(" ") > 1)


PROPOSED = sorted({command for path in SOURCES for command in proposed(path)})


def test_the_texts_hold_commands() -> None:
    assert len(PROPOSED) >= 60


@pytest.mark.parametrize("line", PROPOSED)
def test_a_command_in_a_text_is_one_that_wd_understands(line: str) -> None:
    assert misunderstood(line) == ""
