"""Functions run again and again in another interpreter, and what stays of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from interpreters import interpreters
from support import SERVERS

from watchdog.leak.call import CallReport, call, find_python, read_report
from watchdog.model.errors import WdError, WrongUsage

EACH = pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())


def hunt(function: str, python: str = sys.executable, rounds: tuple[int, ...] = (1, 10, 100)) -> CallReport:
    return call(f"leaky:{function}", python=python, folder=SERVERS, rounds=rounds, within=60.0)


@EACH
def test_a_leaking_and_a_sound_function_are_told_apart_at_ten_calls(python: str) -> None:
    leaking, sound = hunt("keeps_an_object", python, (1, 10)), hunt("keeps_nothing", python, (1, 10))
    assert (leaking.verdict.answer, sound.verdict.answer) == ("leak", "sound")
    assert leaking.rounds[-1].per_call >= 1
    assert sound.rounds[-1].objects == 0
    assert dict(leaking.rounds[-1].types)["leaky.Order"] == 10


def test_the_line_and_what_keeps_the_object_are_named() -> None:
    report = hunt("keeps_an_object")
    assert report.chain[:2] == ("leaky", ".KEPT")
    lines = Path(SERVERS / "leaky.py").read_text().splitlines()
    made = {lines[line - 1].strip() for file, line, _, _ in report.rounds[-1].lines if file.endswith("leaky.py")}
    assert "KEPT.append(Order())" in made


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        ("keeps_bytes", "leak"),
        ("keeps_in_a_coroutine", "leak"),
        ("costs_once", "sound"),
        ("fills_a_cache", "sound"),
        ("says_much", "sound"),
    ],
)
def test_each_kind_of_function_gets_its_verdict(function: str, answer: str) -> None:
    assert hunt(function).verdict.answer == answer


@pytest.mark.parametrize("function", ["fails", "missing"])
def test_what_cannot_be_run_is_told_with_its_error(function: str) -> None:
    with pytest.raises(WrongUsage) as told:
        hunt(function)
    assert "leaky" in told.value.what


def test_a_function_that_never_ends_is_ended_at_the_deadline() -> None:
    with pytest.raises(WdError):
        call("leaky:never_ends", python=sys.executable, folder=SERVERS, rounds=(1,), within=-9.0)


def test_rounds_for_which_there_is_no_time_are_left_out_and_said() -> None:
    report = call("leaky:keeps_an_object", python=sys.executable, folder=SERVERS, rounds=(1, 10**9), within=20.0)
    assert [one.calls for one in report.rounds] == [1]
    assert "no time" in report.note


def test_a_result_can_be_kept_and_read_again(folder: Path) -> None:
    report = hunt("keeps_an_object", rounds=(1, 10))
    kept = folder / "run.json"
    kept.write_text(json.dumps(report.record()))
    assert read_report(kept) == report.rounds
    kept.write_text("{}")
    with pytest.raises(WrongUsage):
        read_report(kept)


def test_the_projects_own_interpreter_is_found_before_that_of_the_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    own = folder / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.symlink_to(sys.executable)
    assert find_python(None, folder) == str(own)
    assert find_python(sys.executable, folder) == sys.executable
    with pytest.raises(WrongUsage):
        find_python(str(folder / "none"), folder)
