"""A server behind what starts Python on Windows: a console script, the python.exe of a virtual environment, pythonw."""

from __future__ import annotations

import io
import sys
import venv
import zipfile
from pathlib import Path

import psutil
import pytest

if sys.platform != "win32":
    pytest.skip("these are for Windows: sh tests/windows.sh runs them", allow_module_level=True)

import ensurepip

from machine import PATIENT, Programs, answers, asked, free_port, listens, programs, told, wait_for, wd, wd_here

__all__ = ["programs"]  # a fixture


def console_script(script: Path, code: str) -> Path:
    """What pip writes for an entry point: its launcher, the interpreter's path, and the program as a zip."""
    (bundled,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    with zipfile.ZipFile(bundled) as wheel:
        launcher = wheel.read("pip/_vendor/distlib/t64.exe")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as program:
        program.writestr("__main__.py", code)
    script.write_bytes(launcher + f"#!{sys.executable}\r\n".encode() + packed.getvalue())
    return script


def ended_with_its_launcher(port: int, launcher: psutil.Process) -> None:
    """The server is found once and ended with its launcher."""
    wait_for(lambda: listens(port), "the server listens")
    (server,) = launcher.children()
    found = wd_here("find", f":{port}")
    assert found.returncode == 0 and str(server.pid) in found.stdout, told(found)
    done = wd("kill", f":{port}", "--yes")
    assert done.returncode == 0, told(done)
    assert f"port {port} is free" in done.stdout, told(done)
    assert psutil.wait_procs([server, launcher], 20)[1] == []


def test_a_console_script_is_ended_with_the_server_that_it_started(programs: Programs) -> None:
    port = free_port()
    code = programs.script().read_text(encoding="utf-8")
    launcher = programs.run(str(console_script(programs.folder / "shop.exe", code)), str(port))
    ended_with_its_launcher(port, psutil.Process(launcher.pid))


def virtual_environment(folder: Path) -> Path:
    """Its python.exe, which starts the real interpreter as a second process."""
    venv.create(folder, with_pip=False)
    return folder / "Scripts" / "python.exe"


def test_the_python_of_a_virtual_environment_is_ended_with_the_interpreter_behind_it(programs: Programs) -> None:
    port = free_port()
    python = virtual_environment(programs.folder / "venv")
    launcher = programs.run(str(python), str(programs.script()), str(port))
    ended_with_its_launcher(port, psutil.Process(launcher.pid))


def test_behind_the_python_of_a_virtual_environment_the_real_interpreter_is_named(programs: Programs) -> None:
    """By port, by command line and by the launcher's pid: it is one server, and the stacks are those of the child."""
    port = free_port()
    python = virtual_environment(programs.folder / "venv")
    script = programs.script("def hang():\n    time.sleep(3600)\nserve(http.server.HTTPServer)\n")
    launcher = psutil.Process(programs.run(str(python), str(script), str(port)).pid)
    wait_for(lambda: listens(port), "the server listens")
    (server,) = launcher.children()
    for words in ((f":{port}",), ("--cmdline", str(script)), ("--pid", str(launcher.pid))):
        found = wd_here("find", *words)
        assert found.returncode == 0, told(found)
        assert {"main", str(port)} <= set(row_of(server.pid, found.stdout).split()), told(found)
    assert str(port) in row_of(launcher.pid, wd_here("ps").stdout), "one row for both, by the first of them"
    with asked(port):
        wait_for(lambda: not answers(port), "it hangs")
        why = wd("why", f":{port}", *PATIENT)
    assert f"pid {server.pid}" in why.stdout and "time.sleep(3600)" in why.stdout, told(why)


def row_of(pid: int, text: str) -> str:
    return next((line for line in text.splitlines() if str(pid) in line.split()), "")


def test_a_server_of_pythonw_is_found_and_ended(programs: Programs) -> None:
    pythonw = Path(sys.executable).with_name("pythonw.exe")
    port = free_port()
    server = programs.run(str(pythonw), str(programs.script()), str(port))
    wait_for(lambda: listens(port), "the server listens")
    listed = wd("ps")
    row = next((line for line in listed.stdout.splitlines() if str(server.pid) in line), "")
    assert str(port) in row and "healthy" in row, told(listed)
    done = wd("kill", f":{port}", "--yes")
    assert done.returncode == 0, told(done)
    assert server.wait(20) is not None
