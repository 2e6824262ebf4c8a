"""A test run that is killed leaves no server behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from support import alive, wait_for

_ONE_TEST = """
import subprocess, sys, time
from pathlib import Path

def test_that_is_cut_off():
    words = [sys.executable, "-c", "import time; time.sleep(600)"]
    server = subprocess.Popen(words, start_new_session=True)
    Path("pid").write_text(str(server.pid))
    time.sleep(600)
"""


def test_what_a_killed_test_run_started_is_ended(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((Path(__file__).parents[1] / "conftest.py").read_text())
    (tmp_path / "leftovers.py").write_text((Path(__file__).parents[1] / "leftovers.py").read_text())
    (tmp_path / "test_one.py").write_text(_ONE_TEST)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "1", "test_one.py"]
    run = subprocess.Popen(words, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the test started its server")
        server = int((tmp_path / "pid").read_text())
        assert alive(server)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait(10)
    wait_for(lambda: not alive(server), "the server of the killed run is gone")
