"""`wd demo`: the main job on a real server that really hangs, in a separate home, through the very same commands."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from watchdog.model.errors import Failed
from watchdog.model.exits import Exit
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.system.disk import files
from watchdog.system.net import http, ports

PLAYBOOK = """\
# The demo's service: a small shop whose two locks are taken in opposite order.
service: shop
find: {{port: {port}, cmdline: demo_shop.py}}
start:
  command: [{python}, {script}, "{port}"]
  ready: {{within: 20s}}
probes:
  health: {{http: /api/health, every: 2s, timeout: 1s, fails: 3}}
triggers:
  - {{on: health, run: frozen-server}}
policy: {{mode: act}}
"""


def demo(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Start, hang, cure, prove; the server is ended afterwards and the home with the report is left to be read."""
    from watchdog.cli.main import call

    port = ports.free_port()
    home = _home(port)
    say = context.say
    say(f"A home for the demo: {home}")

    def wd(*words: str) -> int:
        say("")
        say(f"$ wd {' '.join(words)}")
        return call(["--home", str(home), *words])

    _expect(wd("start", "--service", "shop"), "the demo's server did not start")
    try:
        return _cure(port, home, wd, say)
    finally:
        wd("stop", "--service", "shop", "--yes")


def _cure(port: int, home: Path, wd: Callable[..., int], say: Callable[[str], None]) -> StepResult:
    say("")
    say("An order and a refund arrive at the same moment, and each waits for the other's lock …")
    _hang(port)
    say(f"http://127.0.0.1:{port}/api/health does not answer any more. It hangs.")
    wd("ps", "--hung")
    _expect(wd("run", "frozen-server", "--service", "shop", "--yes"), "the runbook did not bring the server back")
    reports = sorted((home / "logs").rglob("report.md"))
    if not reports:
        raise Failed("the run left no report")
    lines = reports[-1].read_text(encoding="utf-8").splitlines()
    text = "\n".join([*lines[:24], "…", "", f"The whole report: {reports[-1]}"])
    return StepResult("ok", f"report: {reports[-1]}", {"report": str(reports[-1]), "home": str(home)}, text=text)


def _home(port: int) -> Path:
    home = Path(tempfile.mkdtemp(prefix="wd-demo-"))
    for name in ("playbooks", "runbooks", "logs"):
        files.make_folder(home / name)
    script = Path(__file__).with_name("demo_shop.py")
    text = PLAYBOOK.format(port=port, python=_quoted(sys.executable), script=_quoted(str(script)))
    files.write_atomic(home / "playbooks" / "shop.yml", text)
    return home


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _hang(port: int) -> None:
    """Both requests at once until the two locks are crossed: health then waits for ever."""
    url = f"http://127.0.0.1:{port}"

    def hung() -> bool:
        for path in ("/order", "/refund"):
            threading.Thread(target=http.ask, args=(url + path,), kwargs={"timeout": 0.5}, daemon=True).start()
        return http.ask(url + "/api/health", timeout=1.5).problem == "timeout"

    if not clock.wait_until(hung, 30):
        raise Failed("the demo's server would not hang", todo="Run `wd demo` again.")


def _expect(code: int, otherwise: str) -> None:
    if code != Exit.FINE:
        raise Failed(otherwise, f"the command ended with {code}", "The lines above say why.")
