"""Which processes a command line means, and which only look like it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchdog.model.errors import WrongUsage
from watchdog.model.process import Identity, Process
from watchdog.system.process.table import CommandLine
from watchdog.targets import match, programs

_BASE = Process(
    identity=Identity("boot", 20, 1), parent=1, name="x", state="S", session=20, group=20, terminal=0, uid=0,
    user="root", started=0.0, threads=1, rss=1, cpu_seconds=0.0, kernel=False,
)  # fmt: skip


def process(*argv: str, exe: str | None = None, cwd: str = "/srv/shop", pid: int = 20, terminal: int = 0) -> Process:
    binary = exe or ("/usr/bin/python3.11" if argv and "python" in argv[0] else f"/usr/bin/{argv[0] if argv else 'x'}")
    name = argv[0].rpartition("/")[2][:15] if argv else "x"
    identity = Identity("boot", pid, 1)
    return replace(_BASE, identity=identity, name=name, cmdline=argv, exe=binary, cwd=cwd, terminal=terminal)


def matched(words: str, *argv: str, **more: str) -> bool:
    return bool(match.by_words(words.split(), [process(*argv, **more)])[0])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "argv"),
    [
        ("server.py", ("python", "server.py")),
        ("server.py", ("/usr/bin/python3", "-u", "-X", "dev", "/srv/shop/server.py", "--port", "80")),
        ("./server.py", ("python", "server.py")),
        ("/srv/shop/server.py", ("python", "server.py")),
        ("shop/server.py", ("python", "/srv/shop/server.py")),
        ("python server.py", ("/opt/venv/bin/python3.11", "server.py")),
        ("python3 server.py --port 80", ("python3", "server.py", "--host", "x", "--port", "80")),
        ("uvicorn shop:app", ("python", "-m", "uvicorn", "shop:app", "--port", "8000")),
        ("uvicorn shop:app", ("/venv/bin/python", "/venv/bin/uvicorn", "--reload", "shop:app")),
        ("python -m uvicorn shop:app", ("/venv/bin/python3", "-m", "uvicorn", "shop:app")),
        ("shop:app", ("python", "-m", "uvicorn", "shop:app")),
        ("gunicorn shop:app", ("gunicorn: master [shop:app]",)),
        ("manage.py runserver", ("python", "manage.py", "runserver", "0.0.0.0:8000")),
        ("server.py", ("python", "-m", "pdb", "server.py")),
        ("server.py", ("python", "-m", "debugpy", "--listen", "5678", "server.py")),
        ("server.js", ("node", "--inspect", "server.js")),
        ("nginx", ("/usr/sbin/nginx", "-g", "daemon off;")),
        ("start.sh", ("/bin/sh", "/srv/start.sh")),
    ],
)
def test_the_program_is_found_by_its_own_words(words: str, argv: tuple[str, ...]) -> None:
    more = {"exe": "/usr/bin/python3.11"} if argv[0].startswith("gunicorn") else {}
    assert matched(words, *argv, **more)


LOOK_ALIKES = [
    ("vim", "server.py"),
    ("/usr/bin/less", "server.py"),
    ("tail", "-f", "server.py.log"),
    ("tail", "-f", "server.py"),
    ("grep", "server.py", "-r", "."),
    ("python", "observer.py"),
    ("python", "serverXpy"),
    ("python", "server.py.bak"),
    ("python", "lint.py", "server.py"),
    ("python", "-m", "black", "server.py"),
    ("python", "-m", "pylint", "server.py"),
    ("python", "-c", "import server.py"),
    ("sh", "-c", "python server.py"),
    ("sudo", "python", "server.py"),
    ("ssh", "host", "server.py"),
    ("wd", "kill", "--cmdline", "server.py"),
    ("python", "/venv/bin/wd", "kill", "--cmdline", "server.py"),
    ("sh", "-c", "wd kill --cmdline server.py"),
    ("watch", "python", "server.py"),
    ("emacs", "server.py"),
    ("code", "/srv/shop/server.py"),
    ("python", "my-server.py"),
    ("python", "old_server.py"),
    ("python", "/srv/server.py/other.py"),
    (),
    ("",),
]


@pytest.mark.posix("on Windows capital letters do not count")
def test_capital_letters_count() -> None:
    assert not matched("server.py", "python", "SERVER.PY")


@pytest.mark.parametrize("argv", LOOK_ALIKES)
def test_what_only_names_the_program_is_not_it(argv: tuple[str, ...]) -> None:
    assert not matched("server.py", *argv)


def test_a_pattern_leaves_out_editors_searches_shells_and_wd_and_says_so() -> None:
    everybody = [process(*argv, pid=100 + at) for at, argv in enumerate(LOOK_ALIKES) if argv and argv != ("",)]
    server = process("python", "server.py", pid=20)
    found, left_out = match.by_pattern(r"server\.py", [server, *everybody])
    taken = {one.cmdline for one in found}
    assert server.cmdline in taken
    assert not taken & {
        ("vim", "server.py"),
        ("tail", "-f", "server.py"),
        ("grep", "server.py", "-r", "."),
        ("wd", "kill", "--cmdline", "server.py"),
        ("python", "/venv/bin/wd", "kill", "--cmdline", "server.py"),
        ("sh", "-c", "wd kill --cmdline server.py"),
        ("sudo", "python", "server.py"),
        ("python", "-m", "black", "server.py"),
    }
    assert any("only as a command line of wd" in text for text in left_out)


@pytest.mark.parametrize("pattern", ["(", "", "a" * 201, "*"])
def test_a_pattern_that_cannot_be_used_is_refused_with_a_reason(pattern: str) -> None:
    with pytest.raises(WrongUsage):
        match.by_pattern(pattern, [process("python", "server.py")])


def test_words_of_another_interpreter_version_do_not_match() -> None:
    assert not matched("python3.12 server.py", "python3.11", "server.py")
    assert matched("python3 server.py", "python3.11", "server.py")
    assert not matched("/opt/python server.py", "/usr/bin/python", "server.py")


@pytest.mark.parametrize(
    ("asked", "argv", "meant"),
    [
        (("/bin/sh", "-c", "exec serve shop"), ("/bin/sh", "-c", "exec serve shop"), True),
        (("/bin/sh", "-c", "exec serve shop"), ("/bin/sh", "-c", "exec serve blog"), False),
        (("/bin/sh", "-c", "exec serve shop"), ("/bin/sh", "./backup", "-m", "all"), False),
        (("bash", "-lc", "exec serve shop"), ("bash", "-lc", "sleep 5"), False),
        (("node", "-e", "serve()"), ("node", "server.js"), False),
        (("node", "-e", "serve()"), ("node", "-e", "other()"), False),
        (("sh",), ("sh", "./backup"), True),
    ],
)
def test_a_line_given_to_a_shell_means_that_line_and_no_other_script(
    asked: tuple[str, ...], argv: tuple[str, ...], meant: bool
) -> None:
    assert match.runs(asked, argv, "/srv", f"/usr/bin/{argv[0].rpartition('/')[2]}") is meant
    shown = CommandLine(f"/usr/bin/{argv[0].rpartition('/')[2]}", argv)
    assert match.may_mean(asked, shown) or not meant


def test_a_forged_command_line_is_not_believed_and_is_named() -> None:
    forged = process("/usr/sbin/sshd", "-D", exe="/usr/bin/python3.11")
    found, left_out = match.by_words(["sshd", "-D"], [forged])
    assert not found
    assert "calls itself 'sshd' and runs python3.11" in left_out[0]
    real = process("/usr/sbin/sshd", "-D", exe="/usr/sbin/sshd (deleted)")
    assert match.by_words(["sshd", "-D"], [real])[0]


def test_an_upgraded_interpreter_still_counts_as_python() -> None:
    assert programs.is_python(process("python", "server.py", exe="/usr/bin/python3.11 (deleted)"))
    assert not programs.is_python(process("python", exe="/usr/bin/sleep"))


def test_an_empty_word_matches_nothing() -> None:
    assert not matched("", "python", "server.py")
    assert not match.by_words([""], [process("python", "")])[0]


@pytest.mark.parametrize(
    ("argv", "name", "words"),
    [
        (("python", "-Im", "http.server", "80"), "http.server", ("http.server", "80")),
        (("python", "-W", "ignore", "a.py"), "a.py", ("a.py",)),
        (("python", "-Wignore", "-bb", "a.py"), "a.py", ("a.py",)),
        (("python", "-mhttp.server"), "http.server", ("http.server",)),
        (("python", "-uc", "pass", "x"), "-c", ("-c", "pass", "x")),
        (("busybox", "httpd", "-f"), "httpd", ("httpd", "-f")),
        (("java", "-Xmx1g", "-jar", "/opt/app.jar"), "app.jar", ("/opt/app.jar",)),
        (("gunicorn: worker [shop:app]",), "gunicorn", ("gunicorn", "worker", "shop:app")),
        (("python",), "python", ("python",)),
    ],
)
def test_the_program_behind_an_interpreter_is_told(argv: tuple[str, ...], name: str, words: tuple[str, ...]) -> None:
    found = programs.parse(argv)
    assert (found.name, found.words) == (name, words)


_WORDS = st.sampled_from(
    [
        "python3", "/usr/bin/python3", "python", "-m", "-c", "-Xdev", "uvicorn", "shop:app", "server.py", "./server.py",
        "/srv/shop/server.py", "shop/server.py", "../shop/server.py", ".", "/srv/shop", "bash", "gunicorn", "pdb",
        "gunicorn: master [shop:app]", "nginx", "/usr/sbin/nginx", "--port", "8000", "", "a b", "node", "uwsgi",
    ]
)  # fmt: skip


@given(
    words=st.lists(_WORDS, min_size=1, max_size=3),
    command=st.lists(_WORDS, max_size=5),
    exe=st.sampled_from([None, "/usr/bin/python3", "/usr/sbin/nginx", "/usr/bin/node (deleted)", "/usr/bin/uwsgi"]),
    original=st.one_of(st.none(), st.lists(_WORDS, min_size=1, max_size=4)),
)
@settings(max_examples=1500, deadline=None)
def test_whom_a_quick_look_leaves_out_is_meant_by_no_words(
    words: list[str], command: list[str], exe: str | None, original: list[str] | None
) -> None:
    line = CommandLine(exe, tuple(command))
    one = replace(_BASE, exe=exe, cmdline=tuple(command), cwd="/srv/shop")
    if original and programs.is_python(one) and programs.has_title(one):  # only then it is read
        one = replace(one, original=tuple(original))
    if any(match.by_words(words, [one])):
        assert match.may_mean(words, line)


def test_a_pattern_is_looked_for_in_what_is_shown_and_in_whoever_may_hide_it() -> None:
    lines = {
        1: CommandLine("/usr/bin/python3", ("python3", "server.py")),
        2: CommandLine("/usr/bin/python3", ("python3", "other.py")),
        3: CommandLine("/usr/bin/python3", ("gunicorn: master [shop:app]",)),
        4: CommandLine("/usr/bin/sleep", ()),
        5: CommandLine(None, None),
    }
    assert match.may_fit(r"server\.py", lines) == [1, 3]
