"""What wd prints holds no secret, and each line of it is wd's own: no name, title, log or file makes one."""

from __future__ import annotations

import contextlib
import io
import json
import string
from dataclasses import replace

import pytest
from canned import Thread, evidence
from canned import process as canned_process
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_killing_plan import plan, process, server
from test_text_printable import NASTY, unsafe
from test_text_redact import NAMED

from watchdog.cli import show
from watchdog.diagnosis.diagnose import diagnose
from watchdog.evidence import readable
from watchdog.killing.plan import in_words
from watchdog.model.errors import BadConfig, WdError
from watchdog.model.evidence import Frame, StackLook
from watchdog.model.exits import Exit
from watchdog.report.diagnosis_text import screen
from watchdog.steps.find import _tree_text
from watchdog.steps.spec import StepResult, StepSpec
from watchdog.text.shown import joined

LISTS = StepSpec("ps", "list", "x:y", lists=True)
TELLS = StepSpec("kill", "end", "x:y")
SECRETS = st.text(string.ascii_letters + string.digits, min_size=12, max_size=24).map(lambda text: f"7Kq{text}")
FORMS = st.sampled_from([form for form in NAMED if "\n" not in form])
OUTPUTS = ("table", "plain", "json")


def printed(came_to: StepResult, output: str, spec: StepSpec = TELLS) -> str:
    """Standard output and standard error together."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        show.result(spec, came_to, output)
    return out.getvalue()


def lines_of(text: str) -> list[str]:
    """As a terminal and as Python cut it: the stricter of both."""
    assert not [character for character in text if unsafe(character) and character != "\n"], text
    return text.splitlines()


@settings(max_examples=300, deadline=None)
@given(NASTY, NASTY)
def test_a_listed_name_makes_no_line_of_its_own(name: str, command: str) -> None:
    row = {"pid": 1, "name": name, "cmdline": ["python", command]}
    came_to = StepResult("ok", "1 server", {"servers": 1}, (row, row))
    for output in ("table", "plain"):
        assert len(lines_of(printed(came_to, output, LISTS))) == 3
    assert len([json.loads(line) for line in lines_of(printed(came_to, "json", LISTS))]) == 3


@settings(max_examples=300, deadline=None)
@given(st.lists(NASTY, min_size=1, max_size=5), NASTY)
def test_text_has_one_line_for_each_of_its_parts(parts: list[str], message: str) -> None:
    text = joined(f"- {part}" for part in parts)
    assert len(lines_of(printed(StepResult("ok", message, text=text), "table"))) == len(parts)
    assert len(lines_of(printed(StepResult("ok", f"- {message}"), "table"))) == 1
    assert len(lines_of(printed(StepResult("failed", message, text=text), "json"))) == 1


@settings(max_examples=200, deadline=None)
@given(NASTY)
def test_progress_and_errors_are_as_many_lines_as_wd_wrote(text: str) -> None:
    out = io.StringIO()
    with contextlib.redirect_stderr(out):
        show.say(f"looking at {text}")
    assert len(lines_of(out.getvalue())) == 1
    for error, lines in (
        (WdError(f"no {text}", f"why {text}", f"todo {text}"), 3),
        (BadConfig("x", mistakes=(f"a {text}",)), 2),
    ):
        told, result = io.StringIO(), io.StringIO()
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(result):
            assert show.failure(error, Exit.UNKNOWN, as_json=True) == 3
        assert len(lines_of(told.getvalue())) == lines
        (line,) = lines_of(result.getvalue())
        assert set(json.loads(line)["error"]) == {"what", "why", "todo"}


@settings(max_examples=150, deadline=None)
@given(NASTY)
@example("x\nHEALTHY: all is well")
def test_the_plan_of_a_kill_and_the_list_of_a_tree_have_one_line_a_process(name: str) -> None:
    one = process(10, name=name or "x", cmdline=("python", name))
    tree = server(one)
    expected = len(lines_of(in_words(plan(server(process(10))))))
    assert len(lines_of(in_words(plan(tree)))) == expected
    assert len(lines_of(_tree_text([tree], ["healthy"], {}))) == 2


@settings(max_examples=60, deadline=None)
@given(NASTY)
@example("f\nHEALTHY: all is well")
def test_a_function_and_a_file_make_no_line_in_a_diagnosis(name: str) -> None:
    found = evidence(Thread("MainThread", ("withdraw /srv/shop/server.py:30",), state="R"), memory=[1, 2])
    function, file = f"f{name}", f"/srv/{name}.py"

    def renamed(one: StackLook) -> StackLook:
        frames = (Frame(function, file, 30),)
        return replace(one, threads=tuple(replace(thread, name=name, frames=frames) for thread in one.threads))

    strange = replace(found, stacks=tuple(map(renamed, found.stacks)))
    assert {one.function for look in strange.stacks for thread in look.threads for one in thread.frames} == {function}
    plain, told = (lines_of(readable.stacks_text(one)) for one in (found, strange))
    assert len(told) == len(plain)
    seen = lines_of(printed(StepResult("ok", "", text=screen(diagnose(strange), strange)), "table"))
    assert not [line for line in seen if line.startswith("HEALTHY")]


@pytest.mark.parametrize("output", OUTPUTS)
@settings(max_examples=150, deadline=None)
@given(SECRETS, FORMS)
def test_no_secret_is_printed_in_any_form(output: str, secret: str, form: str) -> None:
    planted = form.format(secret)
    row = {"pid": 1, "cmdline": ["sh", "-c", planted], "command": planted, "last_lines": [planted]}
    listed = StepResult("ok", planted, {"message": planted}, (row,))
    told = StepResult("failed", planted, {"plans": [row]}, text=joined(["starting", planted]))
    assert secret not in printed(listed, output, LISTS)
    assert secret not in printed(told, output)
    assert secret not in printed(replace(told, text=""), output)


@settings(max_examples=150, deadline=None)
@given(SECRETS, FORMS, st.integers(0, 130))
def test_no_secret_comes_through_progress_errors_or_a_cut(secret: str, form: str, before: int) -> None:
    planted = form.format(secret)
    out = io.StringIO()
    with contextlib.redirect_stderr(out), contextlib.redirect_stdout(out):
        show.say(f"starting shop: {planted}")
        show.failure(WdError(planted, planted, planted), Exit.CRITICAL, as_json=True)
    assert secret not in out.getvalue()
    one = canned_process(5, cmdline=("x" * before, *planted.split(" ")))
    assert secret[:8] not in one.shown(120) and len(one.shown(120)) <= 120
