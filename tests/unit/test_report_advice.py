"""Each command that a diagnosis prints runs as it stands: it is given back to the command line here."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import canned
import click
import pytest
from canned import evidence, process

from watchdog.cli.application import application
from watchdog.model.evidence import Configured, Evidence
from watchdog.model.finding import Advice, Culprit, Finding, Remedy
from watchdog.model.process import Listener
from watchdog.report import advice

STUCK = Culprit("/srv/shop/server.py", 12, "total", pid=4711)


def finding(advised: Advice, remedy: Remedy = "", peer: str | None = None) -> Finding:
    return Finding("lock-deadlock", "certain", "it waits", advised, STUCK, peer, remedy=remedy)


def on_port() -> Evidence:
    seen = evidence(canned.Thread("MainThread", canned.AT_REST), configured=Configured())
    assert seen.tree is not None
    listener = Listener(8000, "127.0.0.1", 77, (canned.PID,), 0, 128)
    member = replace(seen.tree.members[0], ports=(8000,))
    return replace(seen, tree=replace(seen.tree, members=(member,), listeners=(listener,)))


def without_port() -> Evidence:
    return evidence(canned.Thread("MainThread", canned.AT_REST), configured=Configured())


def of_service() -> Evidence:
    return replace(on_port(), configured=Configured(service="shop"))


@pytest.mark.parametrize(
    ("seen", "advised", "command"),
    [
        (on_port(), "restart", "wd kill --port 8000"),
        (without_port(), "restart", f"wd kill --pid {canned.PID}"),
        (of_service(), "restart", "wd run frozen-server --service shop"),
        (on_port(), "restart-worker", "wd kill --worker --pid 4711"),
        (of_service(), "restart-worker", "wd kill --worker --pid 4711"),
    ],
)
def test_the_command_that_is_printed_is_one_that_wd_takes(seen: Evidence, advised: Advice, command: str) -> None:
    printed = re.findall(r"`([^`]+)`", advice.now(finding(advised), seen))
    assert printed == [command]
    words = shlex.split(command)
    assert words[0] == "wd"
    # Read as the shell would: an option or an argument that is not there would be an error here.
    shell = application()
    with click.Context(shell, info_name="wd") as context:
        name, found, rest = shell.resolve_command(context, words[1:])
        assert found is not None
        found.make_context(name, list(rest), parent=context).close()


def test_the_first_process_of_a_container_is_not_advised_to_be_ended() -> None:
    seen = evidence(
        canned.Thread("MainThread", canned.AT_REST, pid=1), processes=[process(1, parent=0)], configured=Configured()
    )
    assert "wd kill" not in advice.now(finding("restart"), seen)


def test_advice_without_a_command_has_none() -> None:
    for word in ("none", "wait", "fix-config", "call-a-person"):
        assert "`" not in advice.now(finding(word), on_port())  # type: ignore[arg-type]
