"""One process stuck in the kernel, of which nobody can read the command line, hangs nothing here.

While it lives, `ps` and every other tool that reads command lines hangs on the whole machine. So this runs only where
WD_TEST_STUCK is set.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import SERVERS, running

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        not os.environ.get("WD_TEST_STUCK"), reason="holds up every process list of the machine: set WD_TEST_STUCK=1"
    ),
]


@contextlib.contextmanager
def stuck(folder: Path) -> Iterator[int]:
    """The pid of a process that cannot be read."""
    child = subprocess.Popen(
        [sys.executable, str(SERVERS / "find_stuck.py"), str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    with child:
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        try:
            first = child.stdout.readline().strip()
            if not first:
                pytest.skip(f"no such process can be made here: {child.stderr.read()[-200:]}")
            yield int(first)
        finally:
            with contextlib.suppress(OSError):
                child.stdin.write("end\n")
                child.stdin.flush()
            child.wait(30)


def wd(*words: str) -> subprocess.CompletedProcess[str]:
    """A command of wd; it has to come back, however long this machine is busy."""
    command = [sys.executable, "-m", "watchdog.cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=12, cwd=ROOT, check=False)


def test_everything_is_found_beside_a_process_that_cannot_be_read(folder: Path) -> None:
    with running(str(SERVERS / "plain.py"), "{port}") as server, stuck(folder) as pid:
        by_port = wd("find", f":{server.port}", "-o", "pids")
        by_words = wd("find", "--cmdline", f"plain.py {server.port}", "-o", "pids")
        by_pattern = wd("find", "--regex", "--cmdline", f"plain.py {server.port}", "-o", "pids")
        every = wd("ps", "-o", "json")
        itself = wd("find", "--pid", str(pid), "-o", "json")
    assert by_port.stdout.split() == by_words.stdout.split() == by_pattern.stdout.split() == [str(server.pid)]
    assert f"pid {pid}" in by_words.stderr and "does not let its command line be read" in by_words.stderr
    assert f'"pid": {server.pid}' in every.stdout
    assert f'"pid": {pid}' in itself.stdout and '"state": "D"' in itself.stdout


def test_a_server_is_explained_kept_and_ended_beside_a_process_that_cannot_be_read(folder: Path) -> None:
    with running(str(SERVERS / "plain.py"), "{port}") as server, stuck(folder):
        why = wd("why", f":{server.port}", "--within", "1s", "-o", "json")
        kept = wd("snapshot", f":{server.port}", "--within", "1s", "--to", str(folder / "kept"))
        ended = wd("kill", f":{server.port}", "--yes", "--grace", "1s", "-o", "json")
        assert why.returncode == 0 and '"findings"' in why.stdout, why
        assert kept.returncode == 0 and (folder / "kept" / "manifest.json").exists(), kept
        assert ended.returncode == 0 and f'"pid": {server.pid}' in ended.stdout, ended
