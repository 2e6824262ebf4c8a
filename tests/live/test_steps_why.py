"""`wd why` as a person and as a script meet it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import support
from interpreters import NEEDS_TRACER

from watchdog.evidence import stacks
from watchdog.model.causes import CAUSES

pytestmark = NEEDS_TRACER
ROOT = Path(__file__).parents[2]
HANGS = str(support.SERVERS / "hangs.py")


def wd(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder), "WD_HOME": "", "COLUMNS": "100"}
    argv = [sys.executable, "-m", "watchdog.cli.main", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False, env=env, cwd=folder)


def go(server: support.Server, function: str) -> None:
    """Bring the fault on, and wait until a thread stands in it."""

    def ask() -> None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{server.url}/go", timeout=60).read()

    threading.Thread(target=ask, daemon=True).start()

    def stands() -> bool:
        found = stacks.dump(server.pid)
        return any(frame.function.rpartition(".")[2] == function for thread in found.threads for frame in thread.frames)

    support.wait_for(stands, f"a thread in {function}")


def test_a_script_gets_one_line_with_the_verdict_and_code_two(folder: Path) -> None:
    with support.running(HANGS, "{port}", "lock") as server:
        go(server, "one_way")
        done = wd("why", f":{server.port}", "-o", "json", folder=folder)
        assert done.returncode == 2, done.stderr
        (line,) = done.stdout.splitlines()
        told = json.loads(line)
        assert {"target", "verdict", "findings", "advice", "signature", "missing"} <= told.keys()
        assert told["verdict"] == told["findings"][0]["cause"] == "lock-deadlock"
        assert told["target"]["pid"] == server.pid
        culprit = told["findings"][0]["culprit"]
        assert Path(culprit["file"]).name == "hangs.py"
        assert culprit["function"] in ("one_way", "other_way", "lock")
        assert all(finding["cause"] in CAUSES for finding in told["findings"])


def test_a_person_gets_one_screen_with_the_line_and_what_to_do(folder: Path) -> None:
    with support.running(HANGS, "{port}", "loop") as server:
        go(server, "blocking")
        done = wd("why", f":{server.port}", folder=folder)
        assert done.returncode == 2, done.stderr
        lines = done.stdout.splitlines()
        assert lines[0].startswith("EVENT-LOOP-BLOCKED")
        assert any(line.startswith("  >") and "time.sleep(3600)" in line for line in lines)
        assert any(line.startswith("now ") and "wd kill" in line for line in lines)
        assert any(line.startswith("after ") for line in lines)
        assert "nothing was touched" in lines[-1]
        assert len(lines) < 50


def test_locals_are_shown_when_asked_for_and_secrets_in_them_are_not(folder: Path) -> None:
    source = (
        "import sys, time\nfrom http.server import *\n"
        "class H(BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n        order = 'no. 4711'; password = 'hunter2hunter2'\n        time.sleep(3600)\n"
        "HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
    )
    script = folder / "shop.py"
    script.write_text(source)
    with support.running(str(script), "{port}") as server:
        go(server, "do_GET")
        done = wd("why", f":{server.port}", "--locals", folder=folder)
        assert "no. 4711" in done.stdout
        assert "hunter2hunter2" not in done.stdout


def test_nothing_there_is_code_four(folder: Path) -> None:
    done = wd("why", f":{support.free_port()}", folder=folder)
    assert done.returncode == 4
    assert done.stdout == ""


def test_a_service_that_does_not_run_still_gets_an_answer(folder: Path) -> None:
    (folder / "playbooks").mkdir(mode=0o700)
    (folder / "logs").mkdir(mode=0o700)
    (folder / "runbooks").mkdir(mode=0o700)
    log = folder / "shop.log"
    log.write_text('Traceback (most recent call last):\n  File "/srv/shop.py", line 3, in load\n    x\nKeyError: 1\n')
    playbook = folder / "playbooks" / "shop.yml"
    playbook.write_text(f"service: shop\nfind: {{port: {support.free_port()}}}\nlogs: [{log}]\n")
    playbook.chmod(0o600)
    done = wd("--home", str(folder), "why", "--service", "shop", "-o", "json", "--within", "8s", folder=folder)
    assert done.returncode == 2, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["target"] is None
    assert told["verdict"] == "not-running"
    assert "KeyError" in told["findings"][0]["summary"]
