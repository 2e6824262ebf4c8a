"""Is it the program that the playbook means? One answer, whoever asks, however either of them is written."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import watchdog
from watchdog.evidence.lives import Lives
from watchdog.model.evidence import Configured
from watchdog.model.process import Identity, Member, Process, Tree
from watchdog.targets import match
from watchdog.targets.expected import Answer, Expected

TITLE = "shopd: serving 3 requests"
BASE = Process(
    identity=Identity("boot", 20, 1), parent=1, name="python3", state="S", session=20, group=20, terminal=0, uid=0,
    user="root", started=0.0, threads=1, rss=1, cpu_seconds=0.0, kernel=False, cwd="/srv/shop",
)  # fmt: skip
EXE = str(Path("/usr/bin/python3").resolve())

SCRIPT = {  # the same program, in all the ways in which it is started
    "relative": ("python3", "server.py", "--port", "80"),
    "with a dot": ("python3", "./server.py", "--port", "80"),
    "absolute": ("/usr/bin/python3", "/srv/shop/server.py", "--port", "80"),
    "with options": ("python3", "-u", "-X", "dev", "server.py", "--port", "80"),
    "of a venv": ("/srv/venv/bin/python", "server.py", "--port", "80"),
    "under a debugger": ("python3", "-m", "pdb", "server.py", "--port", "80"),
}
MODULE = {
    "by -m": ("python3", "-m", "uvicorn", "shop:app", "--port", "80"),
    "by -m of a venv": ("/srv/venv/bin/python3", "-m", "uvicorn", "shop:app", "--port", "80"),
    "by its launcher": ("/srv/venv/bin/python3", "/srv/venv/bin/uvicorn", "--port", "80", "shop:app"),
}
RIGHT = (
    [(SCRIPT, words) for words in ("server.py", "./server.py", "/srv/shop/server.py", "server.py --port 80")]
    + [(SCRIPT, words) for words in ("python server.py", "python /srv/shop/server.py")]
    + [(MODULE, words) for words in ("uvicorn shop:app", "shop:app", "python -m uvicorn shop:app", "python -m uvicorn")]
)
WRONG = (
    [(SCRIPT, words) for words in ("cart.py", "/srv/cart/server.py", "cart/server.py", "server.py --port 81", "server")]
    + [(SCRIPT, words) for words in ("python -m server", "python2 server.py", "vim server.py", "erver.py")]
    + [(MODULE, words) for words in ("uvicorn cart:app", "cart:app", "gunicorn shop:app", "app", "python shop.py")]
)
REGEX = [
    (SCRIPT, r"server\.py.*--port 80$", "yes"),
    (SCRIPT, r"cart\.py", "no"),
    (MODULE, r"uvicorn.*shop:app", "yes"),
    (MODULE, r"uvicorn.*cart:app", "no"),
]


def shapes(forms: dict[str, tuple[str, ...]]) -> list[Process]:
    """Each form as it is shown, and hidden behind a title."""
    plain = [replace(BASE, cmdline=words, exe=EXE) for words in forms.values()]
    return plain + [replace(one, cmdline=(TITLE,), original=one.cmdline) for one in plain]


def asked(expected: Expected, process: Process) -> set[Answer]:
    """By everybody who asks: for a server, and for a holder of the port while it is looked at."""
    configured = Configured(service="shop", cmdline=expected.words, regex=expected.regex, port=80)
    lives = Lives(Tree((Member(process, "main"),)), configured)
    return {expected.is_run_by([process]), "yes" if lives._is_configured(process) else "no"}


@pytest.mark.parametrize(("forms", "words"), RIGHT)
def test_the_right_program_is_known_however_it_was_started(forms: dict[str, tuple[str, ...]], words: str) -> None:
    for process in shapes(forms):
        assert asked(Expected(tuple(words.split())), process) == {"yes"}, process.words


@pytest.mark.parametrize(("forms", "words"), WRONG)
def test_another_program_is_known_as_another_one(forms: dict[str, tuple[str, ...]], words: str) -> None:
    for process in shapes(forms):
        assert asked(Expected(tuple(words.split())), process) == {"no"}, process.words


@pytest.mark.parametrize(("forms", "pattern", "answer"), REGEX)
def test_a_pattern_sees_the_words_of_the_start_too(
    forms: dict[str, tuple[str, ...]], pattern: str, answer: Answer
) -> None:
    for process in shapes(forms):
        assert asked(Expected((pattern,), regex=True), process) == {answer}, process.words


@pytest.mark.posix("a POSIX link is not a reparse point of Windows")
def test_a_path_of_an_interpreter_means_the_binary_behind_it_and_no_other(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(EXE)
    process = replace(BASE, cmdline=("python3", "server.py"), exe=EXE)
    assert Expected((str(link), "server.py")).is_run_by([process]) == "yes"
    assert Expected(("/opt/other/bin/python3", "server.py")).is_run_by([process]) == "no"


@pytest.mark.parametrize(
    ("words", "title", "exe", "answer"),
    [
        ("uwsgi shop.ini", "uWSGI master", "/usr/bin/uwsgi", "yes"),  # the binary is proven, its arguments are lost
        ("server.py", "uWSGI master", "/usr/bin/uwsgi", "unknown"),
        ("server.py", TITLE, EXE, "unknown"),
        ("shopd", "shopd: serving", EXE, "unknown"),  # what it calls itself proves nothing
        ("gunicorn shop:app", "gunicorn: master [shop:app]", EXE, "yes"),
    ],
)
def test_a_lost_command_line_is_no_proof_of_another_program(words: str, title: str, exe: str, answer: Answer) -> None:
    process = replace(BASE, cmdline=(title,), exe=exe)
    assert Expected(tuple(words.split())).is_run_by([process]) == answer


def test_one_process_of_a_server_vouches_for_all_of_it() -> None:
    master = replace(BASE, cmdline=("python3", "server.py"), exe=EXE)
    worker = replace(BASE, cmdline=("python3", "-c", "from multiprocessing.spawn import spawn_main"), exe=EXE)
    assert Expected(("server.py",)).is_run_by([worker, master]) == "yes"
    assert Expected(("server.py",)).is_run_by([worker]) == "no"
    assert Expected().is_run_by([worker]) == "yes"


@pytest.mark.same_everywhere("judges the source and the documents of the project")
def test_nobody_outside_of_the_room_compares_command_lines_by_itself() -> None:
    root = Path(watchdog.__file__).parent
    guilty = []
    for path in root.rglob("*.py"):
        if path.parent.name == "targets":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "watchdog.targets":
                guilty += [path.name for alias in node.names if alias.name == "match"]
    assert guilty == []


@pytest.mark.parametrize(("words", "found"), [("uwsgi", True), ("nginx", False), ("uwsgi --ini shop.ini", False)])
def test_a_binary_that_shows_a_title_is_found_by_its_name_alone(words: str, found: bool) -> None:
    """Its arguments are lost: whoever asks for them gets no guess."""
    shows = replace(BASE, exe="/usr/bin/uwsgi", cmdline=("shop uWSGI master",))
    assert bool(match.by_words(words.split(), [shows])[0]) is found


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        (Expected(("server.py",), cwd="/srv/shop"), "yes"),
        (Expected(("server.py",), cwd="/srv/other"), "no"),
        (Expected(("server.py",), user="root"), "yes"),
        (Expected(("server.py",), user="shop"), "no"),
    ],
)
def test_the_folder_and_the_user_of_a_playbook_tell_the_same_command_lines_apart(rule: Expected, answer: str) -> None:
    assert rule.is_run_by([replace(BASE, exe=EXE, cmdline=("python3", "server.py"))]) == answer
    unread = replace(BASE, exe=EXE, cmdline=("python3", "server.py"), cwd=None)
    assert rule.cwd is None or rule.is_run_by([unread]) == "yes"  # what cannot be read excludes nobody
