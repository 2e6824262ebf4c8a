"""The small steps of a runbook, on real servers and commands: http, exec, wait, notify."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import SERVERS, Server, free_port, running

from watchdog.config import playbooks
from watchdog.model.errors import WrongUsage
from watchdog.model.playbook import Playbook
from watchdog.model.selector import Selector
from watchdog.steps.exec import execute
from watchdog.steps.http import http
from watchdog.steps.notify import notify
from watchdog.steps.parse import parse_words
from watchdog.steps.spec import Context, StepResult
from watchdog.steps.wait import wait
from watchdog.system import clock
from watchdog.system.host import messages

FUNCTIONS = {"http": http, "exec": execute, "wait": wait, "notify": notify}


def step(folder: Path, *words: str, **more: Any) -> StepResult:
    """One line of a runbook, from its words to what it came to."""
    context = Context(Selector(), lambda line: None, lambda question: False, folder, folder, home=folder, **more)
    spec, options = parse_words(words)
    return FUNCTIONS[spec.name](context, options)


def playbook(folder: Path, port: int, more: str = "") -> Playbook:
    (folder / "shop.yml").write_text(f"service: shop\nfind: {{port: {port}}}\n{more}")
    return playbooks.load(folder / "shop.yml")


@pytest.fixture
def server() -> Iterator[Server]:
    with running(str(SERVERS / "plain.py"), "{port}") as started:
        yield started


def test_a_request_is_sent_to_the_service_or_to_any_address(folder: Path, server: Server) -> None:
    by_path = step(folder, "http", "/reset", playbook=playbook(folder, server.port))
    by_address = step(folder, "http", f"{server.url}/reset", "--expect", "200")
    assert (by_path.outcome, by_path.data["status"], by_address.outcome) == ("ok", 200, "ok")


def test_another_status_than_the_expected_one_is_a_failure(folder: Path, server: Server) -> None:
    came_to = step(folder, "http", server.url, "--expect", "204")
    assert (came_to.outcome, came_to.data["status"]) == ("failed", 200)
    assert "200" in came_to.message
    assert "not 204" in came_to.message


def test_a_server_that_is_not_there_or_does_not_answer_is_a_failure(folder: Path, server: Server) -> None:
    assert step(folder, "http", f"http://127.0.0.1:{free_port()}/").outcome == "failed"
    assert step(folder, "http", f"{server.url}/sleep", "--timeout", "300ms").outcome == "failed"


def test_a_block_that_is_out_of_time_bounds_the_request(folder: Path, server: Server) -> None:
    came_to = step(folder, "http", f"{server.url}/sleep", "--timeout", "1h", deadline=clock.monotonic() + 0.3)
    assert came_to.outcome == "failed"


def test_a_path_alone_and_an_odd_method_are_wrong_usage(folder: Path) -> None:
    with pytest.raises(WrongUsage, match="a path alone"):
        step(folder, "http", "/reset")
    with pytest.raises(WrongUsage, match="not a method"):
        step(folder, "http", "http://127.0.0.1/", "--method", "BREW")


def test_a_password_in_an_address_is_not_repeated(folder: Path) -> None:
    came_to = step(folder, "http", f"http://kim:hunter2@127.0.0.1:{free_port()}/")
    assert "hunter2" not in came_to.message + str(came_to.data)


def test_a_dry_run_touches_nothing(folder: Path) -> None:
    mark = folder / "mark"
    for words in (("exec", "touch", str(mark)), ("http", "http://127.0.0.1:1/"), ("wait", "1h")):
        assert step(folder, *words, dry_run=True).outcome == "planned"
    assert not mark.exists()


def test_a_command_runs_in_the_home_without_a_shell(folder: Path) -> None:
    came_to = step(
        folder, "exec", sys.executable, "-c", "import os, sys; print(os.getcwd(), sys.argv)", "$HOME; id", "-x"
    )
    assert came_to.outcome == "ok"
    assert came_to.data["output"].strip() == f"{folder} ['-c', '$HOME; id', '-x']"


def test_a_command_that_fails_or_never_ends_is_told_with_its_last_line(folder: Path) -> None:
    failed = step(folder, "exec", sys.executable, "-c", "print('first'); print('disk is full'); raise SystemExit(3)")
    assert (failed.outcome, failed.data["code"]) == ("failed", 3)
    assert failed.message.endswith("exit code 3: disk is full")
    late = step(folder, "exec", "--timeout", "300ms", sys.executable, "-c", "import time; time.sleep(60)")
    assert "its time limit" in late.message
    assert step(folder, "exec", "/nonexistent/program").outcome == "failed"


def test_waiting_ends_after_the_time_or_with_the_block(folder: Path) -> None:
    assert step(folder, "wait", "50ms").outcome == "ok"
    assert step(folder, "wait", "1h", deadline=clock.monotonic() + 0.1).outcome == "ok"
    with pytest.raises(WrongUsage, match="not a duration"):
        step(folder, "wait", "long")


def test_waiting_until_healthy_ends_at_the_first_good_answer(folder: Path, server: Server) -> None:
    probed = playbook(folder, server.port, "probes: {health: {http: /health, timeout: 5s}}\n")
    came_to = step(folder, "wait", "30s", "--until-healthy", playbook=probed)
    assert came_to.outcome == "ok"
    assert "healthy after" in came_to.message


def test_a_server_that_does_not_become_healthy_in_time_is_a_failure(folder: Path) -> None:
    probed = playbook(folder, free_port(), "probes: {health: {http: /health, timeout: 1s}}\n")
    came_to = step(folder, "wait", "200ms", "--until-healthy", playbook=probed)
    assert came_to.outcome == "failed"
    with pytest.raises(WrongUsage, match="needs a playbook"):
        step(folder, "wait", "1s", "--until-healthy")


def test_a_playbook_that_names_nobody_is_no_failure(folder: Path) -> None:
    assert step(folder, "notify", "hello", "there").outcome == "nothing"


def test_without_apprise_it_says_how_to_get_it_and_no_token_is_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "can_send", lambda: False)
    named = playbook(folder, 1, "notify: ['slack://TokenA/TokenB/TokenC']\n")
    came_to = step(folder, "notify", "shop is down", playbook=named)
    assert came_to.outcome == "failed"
    assert "pip install" in came_to.message
    assert "slack://…" in came_to.message
    assert "Token" not in came_to.message + str(came_to.data)


@pytest.mark.skipif(not messages.can_send(), reason="needs Apprise (the extra `notify`)")
def test_people_are_told_without_secrets_and_without_forged_lines(folder: Path) -> None:
    got: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    addresses = f"notify: ['json://kim:hunter2@127.0.0.1:{receiver.server_port}/', 'json://127.0.0.1:{free_port()}/']\n"
    came_to = step(folder, "notify", "down\r\nBcc: x password=hunter3", playbook=playbook(folder, 1, addresses))
    receiver.shutdown()
    receiver.server_close()
    assert came_to.outcome == "warning"
    assert len(got) == 1
    assert b"hunter3" not in got[0]
    assert "hunter" not in came_to.message + str(came_to.data["receivers"])
