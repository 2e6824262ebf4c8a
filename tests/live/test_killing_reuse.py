"""A pid that is used again in the middle of a kill: the second owner is never touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from support import SERVERS

ROUNDS = int(os.environ.get("WD_REUSE_ROUNDS", "100"))


@pytest.mark.root
@pytest.mark.timeout(60 + ROUNDS)
@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
def test_the_next_owner_of_a_pid_is_never_signalled() -> None:
    argv = ["unshare", "-fp", "--mount-proc", sys.executable, str(SERVERS / "reuse.py"), str(ROUNDS)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=50 + ROUNDS, check=False)
    if "unshare" in done.stderr and "permitted" in done.stderr:
        pytest.skip("no PID namespace may be made here")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == 0, found
    assert found["reused"] >= 0.9 * ROUNDS, found
    assert all(found["rounds"].values()), found
    assert (found["control"], found["control_signal"]) == ("done", -15), found
