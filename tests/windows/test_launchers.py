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

from machine import Programs, free_port, listens, programs, told, wait_for, wd

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
    found = wd("find", f":{port}")
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


def test_the_python_of_a_virtual_environment_is_ended_with_the_interpreter_behind_it(programs: Programs) -> None:
    if not (Path(venv.__file__).parent / "scripts" / "nt" / "python.exe").exists():
        pytest.skip("this Python brings no launcher for virtual environments (Wine's has none)")
    port = free_port()
    venv.create(programs.folder / "venv", with_pip=False)
    python = programs.folder / "venv" / "Scripts" / "python.exe"
    launcher = programs.run(str(python), str(programs.script()), str(port))
    ended_with_its_launcher(port, psutil.Process(launcher.pid))


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
