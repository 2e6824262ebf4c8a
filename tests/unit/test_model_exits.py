"""One table leads from every word for an outcome or a state to an exit code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from watchdog.model.exits import Exit, exit_of
from watchdog.model.incident import RunOutcome
from watchdog.model.probing import CheckState, SampleVerdict
from watchdog.steps.spec import StepOutcome, StepResult

PACKAGE = Path(__file__).parents[2] / "watchdog"
WORDS = {*get_args(StepOutcome), *get_args(RunOutcome), *get_args(CheckState), *get_args(SampleVerdict)}


@pytest.mark.parametrize("word", sorted(WORDS))
def test_every_word_that_a_command_may_end_with_has_an_exit_code(word: str) -> None:
    assert exit_of(word) in Exit


@pytest.mark.parametrize("outcome", get_args(StepOutcome))
def test_a_result_that_says_nothing_else_ends_with_the_exit_code_of_its_outcome(outcome: StepOutcome) -> None:
    assert StepResult(outcome, "").exit == exit_of(outcome)


@pytest.mark.same_everywhere("judges the source and the documents of the project")
def test_no_other_table_of_exit_codes_stands_in_the_code() -> None:
    pairs = re.compile(r'"[a-z-]+": \(?("[a-z]+", )?Exit\.[A-Z]+')
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "exits.py":
            assert not pairs.findall(path.read_text(encoding="utf-8")), path
