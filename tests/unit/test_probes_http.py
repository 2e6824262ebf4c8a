"""Which answer is a good one. How answers arrive is tested with real servers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.model.selector import Selector
from watchdog.probes import http
from watchdog.probes.asked import Asked
from watchdog.system.net.http import Reply

BODY = json.dumps({"status": "ok", "db": {"state": "up", "pools": [{"free": 3}]}, "ready": True}).encode()


def ask(monkeypatch: pytest.MonkeyPatch, reply: Reply, subject: str = "/health", **settings: Any) -> tuple[str, str]:
    asked: list[str] = []

    def answer(url: str, **_: Any) -> Reply:
        asked.append(url)
        return reply

    monkeypatch.setattr(http, "ask", answer)
    spec = ProbeSpec("health", "http", subject, settings=tuple(settings.items()))
    sample = http.probe(Asked(spec, Playbook("shop", Selector(port=8000)), None, 0.0))
    assert asked == ["http://127.0.0.1:8000/health" if subject == "/health" else subject]
    return sample.verdict, sample.message


@pytest.mark.parametrize(
    ("status", "settings", "verdict"),
    [
        (200, {}, "ok"),
        (302, {}, "ok"),
        (404, {}, "failed"),
        (500, {}, "failed"),
        (401, {"status": (401,)}, "ok"),
        (200, {"status": (204, 401)}, "failed"),
        (200, {"contains": '"status"'}, "ok"),
        (200, {"contains": "goodbye"}, "failed"),
        (200, {"json": (("status", "ok"),)}, "ok"),
        (200, {"json": (("status", "down"),)}, "failed"),
        (200, {"json": (("db.state", "up"), ("ready", True))}, "ok"),
        (200, {"json": (("ready", 1),)}, "failed"),
        (200, {"json": (("db.pools.0.free", 3),)}, "ok"),
        (200, {"json": (("db.pools.7.free", 3),)}, "failed"),
        (200, {"json": (("db.state.more", "up"),)}, "failed"),
        (200, {"slow": 0.1}, "slow"),
        (200, {"slow": 0.9}, "ok"),
        (500, {"slow": 0.1}, "failed"),
    ],
)
def test_an_answer_is_measured_by_what_the_playbook_wants(
    monkeypatch: pytest.MonkeyPatch, status: int, settings: dict[str, Any], verdict: str
) -> None:
    assert ask(monkeypatch, Reply(status, BODY, 0.5), **settings)[0] == verdict


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"\xff\xfe", b"null", b'"status"'])
def test_an_answer_that_is_no_json_of_the_right_form_is_a_failure_and_never_an_error(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    assert ask(monkeypatch, Reply(200, body, 0.1), json=(("status", "ok"),))[0] == "failed"


@pytest.mark.parametrize(
    ("problem", "verdict"),
    [
        ("timeout", "failed"),
        ("refused", "failed"),
        ("reset", "failed"),
        ("other", "failed"),
        ("local", "unknown"),
        ("tls", "unknown"),
        ("certificate", "unknown"),
    ],
)
def test_trouble_of_our_own_is_never_the_servers(monkeypatch: pytest.MonkeyPatch, problem: Any, verdict: str) -> None:
    assert ask(monkeypatch, Reply(None, b"", 0.1, problem, "why"))[0] == verdict


def test_a_text_behind_the_limit_is_said_to_be_out_of_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    _, message = ask(monkeypatch, Reply(200, b"x", 0.1, truncated=True), contains="needle")
    assert "first MiB" in message


def test_a_whole_address_is_asked_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, Reply(200, b"", 0.1), subject="http://10.0.0.5:9/x")[0] == "ok"
