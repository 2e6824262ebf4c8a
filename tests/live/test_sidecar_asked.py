"""What only a playbook or an option asks for: a ping of an idle child, and lines that a new child hears first."""

from __future__ import annotations

import json
from pathlib import Path

from bridges import all_gone, bridge, child, home
from support import wait_for


def test_an_idle_child_is_pinged_and_the_host_sees_nothing_of_it(folder: Path) -> None:
    with bridge(folder, *child(folder), options=("--ping", "1s")) as host:
        host.initialize()
        wait_for((folder / "pinged").exists, "it is pinged")
        answer = host.request("echo")["result"]
        assert "ping" in answer["heard"]
        assert answer["life"] == 1


def test_without_the_option_an_idle_child_is_left_alone(folder: Path) -> None:
    with bridge(folder, *child(folder)) as host:
        host.initialize()
        for _ in range(3):
            assert "ping" not in host.request("echo")["result"]["heard"]
        assert host.end() == 0
    assert not (folder / "pinged").exists()


def test_an_idle_child_that_does_not_answer_the_ping_is_replaced_before_anybody_needs_it(folder: Path) -> None:
    (folder / "deaf").touch()
    with bridge(folder, *child(folder), options=("--ping", "1s", "--limit", "ping=2s")) as host:
        host.initialize()
        wait_for(lambda: len(host.lives()) == 2, "another one is started", 60)
        all_gone(host.lives()[:1])
        answer = host.request("echo")["result"]
        assert answer["life"] == 2
        assert answer["heard"][:2] == ["initialize", "notifications/initialized"]


def test_a_new_child_hears_the_lines_of_the_playbook_first_and_their_answers_stay_with_wd(
    folder: Path,
) -> None:
    lines = [
        json.dumps({"jsonrpc": "2.0", "method": "settings", "params": {"language": "en"}}),
        json.dumps({"jsonrpc": "2.0", "id": "wd-login", "method": "login"}),
    ]
    playbook = {
        "service": "tool",
        "find": {"cmdline": ["stdio_child.py", str(folder)]},
        "start": {"command": list(child(folder))},
        "sidecar": {"handshake": lines},
    }
    (home(folder) / "playbooks" / "tool.yml").write_text(json.dumps(playbook))
    with bridge(folder, options=("--service", "tool")) as host:
        assert host.request("echo")["result"]["heard"] == ["echo"], "the first child hears what the host says itself"
        assert "error" in host.request("die")
        answer = host.request("echo")["result"]
        assert (answer["life"], answer["heard"]) == (2, ["settings", "login", "echo"])
