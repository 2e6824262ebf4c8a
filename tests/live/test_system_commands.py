"""Commands that are run with a deadline: what of them is kept, and what of them stays behind."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from support import alive, wait_for

from watchdog.system.child import commands


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_what_a_command_prints_and_how_it_ends_is_kept() -> None:
    done = commands.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), timeout=30)
    assert (done.code, done.signal, done.timed_out, done.error) == (3, None, False, "")
    assert "out" in done.output and "err" in done.output


def test_a_command_that_dies_by_a_signal_says_which() -> None:
    done = commands.run(python("import os; os.kill(os.getpid(), 11)"), timeout=30)
    assert (done.code, done.signal, done.ok) == (None, 11, False)


def test_a_command_that_does_not_end_is_ended_with_its_children(folder: Path) -> None:
    code = "import subprocess,sys,time; p=subprocess.Popen(['sleep','600']); print(p.pid, flush=True); time.sleep(600)"
    done = commands.run(python(code), timeout=1.5)
    assert done.timed_out and done.code is None
    child = int(done.output)
    wait_for(lambda: not alive(child), "the command's child is ended too")


def test_a_command_that_leaves_a_child_in_the_background_is_not_waited_for(folder: Path) -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep','600']).pid)"
    done = commands.run(python(code), timeout=60)
    child = int(done.output)
    try:
        assert done.code == 0 and not done.timed_out
        assert alive(child)
    finally:
        os.kill(child, 9)


def test_endless_output_is_cut_and_not_kept_in_memory() -> None:
    done = commands.run(python("print('x' * 3_000_000)"), timeout=60, limit=1000)
    assert done.code == 0
    assert len(done.output) == 1000 and done.cut


def test_output_that_is_no_text_is_shown_with_backslashes() -> None:
    assert "\\xff" in commands.run(python("import os; os.write(1, b'\\xff')"), timeout=30).output


def test_a_command_that_cannot_be_run_is_a_record_and_no_exception(folder: Path) -> None:
    plain = folder / "plain"
    plain.write_text("no program")
    assert "No such file" in commands.run(["/nonexistent/program"], timeout=5).error
    assert "Permission" in commands.run([str(plain)], timeout=5).error
    assert "no user" in commands.run(["true"], timeout=5, user="nobody-has-this-name").error
    assert "/nonexistent" in commands.run(["true"], timeout=5, cwd="/nonexistent").error
    assert "empty" in commands.run([], timeout=5).error
    assert commands.run(["tr\0ue"], timeout=5).error


def test_what_is_given_on_standard_input_arrives_and_nothing_else_can_be_asked() -> None:
    assert commands.run(["cat"], timeout=30, stdin="crontab line\n").output == "crontab line\n"
    assert commands.run(["cat"], timeout=30).output == ""


def test_variables_that_steer_python_do_not_reach_a_command() -> None:
    os.environ["PYTHONWDTEST"] = "1"
    try:
        assert "PYTHONWDTEST" not in commands.run(["env"], timeout=30).output
    finally:
        del os.environ["PYTHONWDTEST"]
    assert commands.run(["env"], timeout=30, env={"ONLY": "this"}).output == "ONLY=this\n"


def test_a_short_command_is_noticed_at_once() -> None:
    # Best of several: the machine may be busy, but no pause of ours may stand between exit and answer.
    times = []
    for _ in range(5):
        began = time.monotonic()
        commands.run(["true"], timeout=30)
        times.append(time.monotonic() - began)
    assert min(times) < 1
