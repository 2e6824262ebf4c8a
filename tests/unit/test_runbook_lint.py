"""What is told of a runbook that cannot be relied on; and the shipped ones can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchdog.config import playbooks
from watchdog.config.schema import json_schema
from watchdog.library import shelf
from watchdog.probes.registry import KINDS as PROBES
from watchdog.runbook import condition, document
from watchdog.runbook.lint import lint
from watchdog.runbook.plan import make_plan
from watchdog.steps.parse import parse_words

GOOD = "```wd timeout=30s on-fail=stop\nkill --grace 5s\nstart\n```\n```wd\nverify --healthy 3\n```\n"


def told(text: str) -> list[str]:
    return [line.removeprefix("x.md:") for line in lint(document.read(text.encode(), "x.md", "x"))]


def test_a_runbook_with_bound_proof_and_answer_has_nothing_to_be_told() -> None:
    assert told(GOOD) == []


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (GOOD.replace("timeout=30s ", ""), "2: `kill` changes something without a timeout"),
        (GOOD.replace(" on-fail=stop", ""), "2: `kill` changes something without an answer to failure"),
        (GOOD.replace("verify --healthy 3", "why"), "2: `kill` changes something and no `verify` behind it"),
        (GOOD.replace("kill", "kil"), "2: 'kil' is not a step"),
        (GOOD.replace("--grace", "--grase"), "2: kill --grase 5s: No such option"),
        (GOOD.replace("5s", "5"), "2: kill --grace 5"),
        (GOOD.replace("5s", "{{ grace }}"), "2: the parameter grace is not declared"),
        (GOOD.replace("5s", "{{ x.y }}"), "2: '{{ x.y }}' cannot be filled in"),
        (GOOD.replace("5s", "'5s"), "2: a quote is not closed"),
        ("---\nparameters: {grace: 5s}\n---\n" + GOOD, "1: the parameter grace is used nowhere"),
        (GOOD + "```wd on-fail=escalate\nwhy\n```\n", "8: on-fail=escalate: none of its steps"),
        (GOOD + "```wd on-fail=frozen-servr\nwhy\n```\n", "8: on-fail=frozen-servr: there is no such runbook; did you"),
        (GOOD + "```wd when='report.x == y'\nwhy\n```\n", "8: when=report.x == y: no step `report` stands before it"),
        ("# Only prose\n", "1: there is nothing to run"),
    ],
)
def test_what_makes_a_runbook_unreliable_is_told(text: str, warning: str) -> None:
    assert any(line.startswith(warning) for line in told(text)), told(text)


def test_a_parameter_without_a_default_can_be_a_time_a_number_or_an_address() -> None:
    for line in ("kill --grace {{ a }}", "verify --healthy {{ a }}", "http {{ a }}"):
        text = f"---\nparameters:\n  a:\n---\n```wd timeout=9s on-fail=stop\n{line}\n```\n```wd\nverify\n```\n"
        assert told(text) == []


def test_variables_of_a_script_count_as_used_parameters() -> None:
    assert told("---\nparameters: {name: x, other: y}\n---\n```sh\necho $name ${other}\n```\n") == []


@pytest.mark.parametrize("name", sorted(shelf.shipped("runbooks")))
def test_a_shipped_runbook_can_be_relied_on(name: str) -> None:
    runbook = document.find(name, None)
    assert lint(runbook) == ()
    assert runbook.summary.endswith(".")
    for call in make_plan(runbook, {}, "shop").calls:
        parse_words(call.words)


def test_the_shipped_runbooks_are_those_that_people_are_told_of() -> None:
    assert {"frozen-server", "planned-restart", "port-in-use", "memory-pressure", "nightly-check"} <= set(
        shelf.shipped("runbooks")
    )


def test_evidence_comes_before_the_kill_and_never_stands_in_its_way() -> None:
    runbook = document.find("frozen-server", None)
    steps = [call.step for call in make_plan(runbook, {}, "shop").calls]
    assert steps == ["snapshot", "why", "kill", "check", "wait", "check", "start", "verify", "report"]
    answers = [(call.step, runbook.blocks[call.block].on_fail) for call in make_plan(runbook, {}, "shop").calls]
    assert answers[:4] == [("snapshot", "continue"), ("why", "continue"), ("kill", "escalate"), ("check", "continue")]


def test_only_a_check_that_is_critical_keeps_a_server_from_being_started() -> None:
    runbook = document.find("frozen-server", None)
    (second,) = (block for block in runbook.blocks if block.on_fail == "stop" and block.when)
    results: dict[str, dict[str, object]] = {"check": {"checks": [{"state": "warning"}, {"state": "unknown"}]}}
    assert not condition.holds(second.when, results)
    assert condition.holds(second.when, {"check": {"checks": [{"state": "ok"}, {"state": "critical"}]}})


def test_the_nightly_check_changes_nothing() -> None:
    calls = make_plan(document.find("nightly-check", None), {}, "shop").calls
    assert not any(parse_words(call.words)[0].changes for call in calls)


@pytest.mark.parametrize("name", sorted(shelf.shipped("playbooks")))
def test_a_shipped_playbook_is_valid_and_only_observes(name: str, folder: Path) -> None:
    text = shelf.shipped("playbooks")[name].read_bytes()
    document, playbook = playbooks.check(text, Path(f"{name}.yml"), folder)
    assert document.mistakes == []
    assert playbook is not None
    assert playbook.policy.mode == "observe"
    assert playbook.notify == ()


def test_editors_get_a_schema_that_knows_every_key_and_its_default() -> None:
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"service", "find"}
    probe = schema["$defs"]["HttpProbe"]["properties"]
    assert {"http", "every", "timeout", "fails", "for", "status", "contains", "json", "slow"} == set(probe)
    assert (probe["every"]["default"], probe["fails"]["default"]) == ("30s", 3)
    kinds = schema["properties"]["probes"]["patternProperties"].popitem()[1]["oneOf"]
    assert len(kinds) == len(PROBES)
