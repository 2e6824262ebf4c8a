"""Every command that stands in a text of wd is one that wd understands, and a live test runs it where it is printed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from printed import commands, misunderstood

from watchdog.cli.commands import COMMANDS
from watchdog.steps.registry import SPECS

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

ROOT = Path(__file__).parents[2]
CODE = [path for path in sorted((ROOT / "watchdog").rglob("*.py")) if not path.name.startswith("manual")]
DOCUMENTS = [*sorted((ROOT / "runbooks").glob("*.md")), ROOT / "README.md"]
GAP = "\0"  # where a text has a value
SCRIPT = ROOT / "tests" / "live" / "tired_person.txt"

# What the script of the tired person does not show: which test has it printed and runs it, by `follow`; or which
# command of the script it repeats elsewhere.
_ADVICE = "test_steps_why_advice.py"
_INIT = "test_init_from.py::test_the_playbook_of_a_server_validates_and_says_what_it_guessed"
_HERE = "test_validate_here.py::test_a_port_of_another_user_is_named_by_root"
_FOUND = "test_validate_here.py::test_another_program_on_the_port_is_named_and_left_alone"
_KILLS = f"{_ADVICE}::test_a_server_with_and_without_a_port_is_ended_by_the_printed_command"
_PIPE = "test_main_kill.py::test_a_pid_that_was_used_again_since_it_was_piped_hits_nobody"
_FIGURE = "test_workers_measure.py::test_what_a_bad_figure_advises_can_be_typed_as_it_stands"
_WORKER = f"{_ADVICE}::test_the_one_stuck_worker_of_two_is_ended_by_the_printed_command_and_replaced"
_LEAK = f"{_ADVICE}::test_a_server_that_leaks_is_watched_by_the_printed_command"
_MESSAGE = "test_notify_routes.py::test_a_hang_gives_a_message_with_cause_line_and_link_when_it_is_over"
_SENT_LATER = "test_store.py::test_a_run_whose_store_is_down_is_sent_later_by_the_printed_command"
_TABLES = "test_store.py::test_a_store_without_tables_says_how_they_are_made"
SHOWN_ELSEWHERE = {
    ("commands/init.py", "wd --home 1 validate --here"): _INIT,
    ("commands/playbook_text.py", "wd validate --here"): _INIT,
    ("commands/validate_here.py", "wd validate --here"): _HERE,
    ("commands/validate_here.py", "wd find :1"): _FOUND,
    ("diagnosis/rules/memory_leak.py", "wd leak watch 1"): _LEAK,
    ("fleet/shared.py", "wd fleet store forward"): _SENT_LATER,
    ("report/advice.py", "wd kill --port 1"): _KILLS,
    ("report/message.py", "wd incidents show 1"): _MESSAGE,
    ("report/advice.py", "wd kill --pid 1"): _KILLS,
    ("report/advice.py", "wd kill --worker --pid 1"): _WORKER,
    ("store/store.py", "wd fleet store upgrade"): _TABLES,
    ("targets/select.py", "wd ps -o json"): _PIPE,
    ("targets/select.py", "wd find :PORT -o json"): _PIPE,
    ("watch/asking.py", "wd yes 1"): "wd yes shop",  # a message, with the words of `wd status`
    ("web/question_pages.py", "wd yes 1"): "wd yes shop",
    ("workers/indicators.py", "wd why 1"): _FIGURE,
    ("workers/indicators.py", "wd leak watch 1"): _FIGURE,
}

# They name a command and advise nothing: pages of help, comments in written files, descriptions for an editor.
ONLY_NAMED = {
    "cli/commands.py": ("wd tick", "wd watch", "wd web ADDRESS"),
    "cli/demo.py": ("wd demo",),  # printed when the demo's own server does not hang: no test can have that
    "commands/playbook_text.py": ("wd init",),
    "cli/fleet_commands.py": ("wd fleet run",),
    "commands/explain.py": ("wd watch",),
    "fleet/on_host.py": ("wd fleet run",),
    "policy/explain.py": ("wd watch", "wd web"),
    "web/users.py": ("wd web --add-user NAME",),
    "web/wire.py": ("wd web --name NAME", "wd web --proxy ADDRESS"),  # to whoever asks over the net
    "commands/timetable.py": ("wd schedule",),
    "config/schema.py": ("wd check NAME", "wd sidecar"),
    "system/windows/kept.py": ("wd sidecar", "wd sidecar --"),  # what to remove: tests/windows/test_sidecar.py
}


_FORMATS = ("translated", "translated_count", "marked")  # their values stand in braces


def texts(path: Path) -> Iterator[str]:
    """What a file can print: its strings with a gap for each value."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in one.values}
    pages = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}  # documentation of the code
    sentences = {
        id(part) for one in ast.walk(tree) if isinstance(one, ast.Call) and _name(one) in _FORMATS for part in one.args
    }
    for one in ast.walk(tree):
        if isinstance(one, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in one.values)
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in inner | pages:
            yield re.sub(r"\{\w+\}", GAP, one.value) if id(one) in sentences else one.value


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", "")


def found(text: str) -> list[str]:
    """The commands that it advises. A text that is nothing but one is put between backticks by its caller."""
    text = text.replace(GAP, "1")
    return [text] if re.match(r"wd [a-z]+ -", text) else commands(text)


# Each text that holds a command, with its file.
PLACES = [
    (path.relative_to(ROOT / "watchdog").as_posix(), text) for path in CODE for text in texts(path) if found(text)
]
# A document that only names a command, as in "`wd kill` asks first", proposes nothing.
IN_DOCUMENTS = {
    one
    for path in DOCUMENTS
    for one in commands(path.read_text(encoding="utf-8").replace("```wd", ""))
    if one.count(" ") > 1
}
PROPOSED = sorted({one for _, text in PLACES for one in found(text)} | IN_DOCUMENTS)


def test_the_texts_hold_commands() -> None:
    assert len(PROPOSED) >= 60 and len(PLACES) >= 50


@pytest.mark.parametrize("line", PROPOSED)
def test_a_command_in_a_text_is_one_that_wd_understands(line: str) -> None:
    assert misunderstood(line) == ""


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.stem)
def test_a_command_to_type_stands_between_backticks(path: Path) -> None:
    """Only such a command gets the home of the person who reads it, and is followed by the tests."""
    names = "|".join({name.partition(" ")[0] for name in (*COMMANDS, *SPECS)})
    outside = re.compile(rf"(?:: |then |[Tt]ype |[Ww]rite |[Rr]un )wd (?:{names}) ")
    assert not [text for text in texts(path) if outside.search(text)]


def _shown_by_the_script(text: str) -> bool:
    shown = " ".join(line[1:].strip() for line in SCRIPT.read_text(encoding="utf-8").splitlines())
    # A gap at an end fits everything, and would make the search slow.
    pattern = ".+?".join(re.escape(" ".join(part.split())) for part in text.strip(f" \n{GAP}").split(GAP))
    return re.search(pattern.replace("\\ .+?", "\\ ?.+?"), shown) is not None


@pytest.mark.parametrize(("file", "text"), PLACES)
def test_a_command_that_is_printed_is_run_where_it_is_printed(file: str, text: str) -> None:
    """A new place: add an entry to tests/live/tired_person.txt, or a test that calls `follow` and its line above."""
    if _shown_by_the_script(text):
        return
    named = ONLY_NAMED.get(file, ())
    tests = {SHOWN_ELSEWHERE.get((file, one)) for one in found(text) if one not in named}
    assert None not in tests, f"{file}: no test runs {found(text)}"
    for test in tests:
        if str(test).startswith("wd "):
            assert f"`{test}`" in SCRIPT.read_text(encoding="utf-8")
            continue
        name, _, function = str(test).partition("::")
        (path,) = (ROOT / "tests").glob(f"*/{name}")
        code = path.read_text(encoding="utf-8")
        body = code.partition(f"def {function}(")[2].partition("\ndef ")[0]
        assert "follow(" in body, test
