"""Stacks by py-spy: of every Python of this machine, and what is said where it does not know one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from interpreters import NEEDS_RIGHT, NEEDS_TRACER, interpreters, script
from support import SERVERS, wait_for

from watchdog.evidence import stacks
from watchdog.model.evidence import Frame
from watchdog.system.process import processes

pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
]
EACH = pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())
BLOCKING = (SERVERS / "blocked_loop.py").read_text().splitlines()


def innermost(pid: int) -> list[tuple[str, int]]:
    found = stacks.dump(pid, timeout=10.0)
    threads: list[tuple[Frame, ...]] = [thread.frames for thread in found.threads if thread.tid in (pid, None)]
    return [(frame.function, frame.line) for frame in threads[0][:3]] if threads else []


@EACH
def test_the_calls_that_block_a_loop_are_told_with_their_lines(python: str) -> None:
    lines = ["    time.sleep(3600)", "    block()", "    await inner()"]
    expected = [(name, BLOCKING.index(line) + 1) for name, line in zip(("block", "inner", "outer"), lines, strict=True)]
    with script(python, "blocked_loop.py") as (process, _):
        wait_for(lambda: innermost(process.pid) == expected, "it stands in the blocking call")


def test_a_reader_that_is_older_than_the_python_is_named_with_what_helps(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = folder / "py-spy"
    old.write_text("#!/bin/sh\necho 'Error: Failed to find python version from target process' >&2\nexit 1\n")
    old.chmod(0o755)
    monkeypatch.setattr(stacks, "tracer", lambda: str(old))
    with script(sys.executable, "waiting_tasks.py") as (process, _):
        look = stacks.dump(process.pid)
        assert "does not know this Python" in (look.error or "")
        found = processes.read(process.pid)
        assert found is not None
        assert "--upgrade py-spy" in stacks.gap(found, look).remedy
    with script("/bin/sh", "no_python.sh") as (process, _):
        assert stacks.dump(process.pid).error == "no Python interpreter in it"
