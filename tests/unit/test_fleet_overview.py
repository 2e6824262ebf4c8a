"""What the page Fleet makes of the rows of the shared store."""

from __future__ import annotations

from typing import Any

from watchdog.fleet.overview import overview


def loop(node: str, state: str = "ok", seconds: float = 3.0, given_up: str | None = None) -> dict[str, Any]:
    service = {"service": "shop", "state": state, "message": f"it is {state}", "given_up": given_up}
    return {"holder": f"{node}:/logs", "node": node, "seconds": seconds, "services": [service]}


def run(host: str, stage: str, node: str = "", **more: Any) -> dict[str, Any]:
    return {"run": "night", "host": host, "node": node, "stage": stage, "late": False, "text": "a reason", **more}


def incident(node: str, outcome: str = "recovered", signature: str = "", **more: Any) -> dict[str, Any]:
    own = {"host": "", "service": "shop", "runbook": "frozen-server", "cause": "", "record": {"signature": signature}}
    return {"node": node, "outcome": outcome, **own, **more}


def test_the_worst_host_stands_first_and_a_silent_one_is_no_host_that_is_well() -> None:
    loops = [
        loop("a"),
        loop("b", "trouble"),
        loop("c", "ok", 600.0),
        loop("d", "slow"),
        loop("e", "ok", 1.0, "3 tries"),
    ]
    found = overview(loops, [], [])
    assert [(host.name, host.state) for host in found.hosts] == [
        ("e", "given up"), ("c", "silent"), ("b", "trouble"), ("d", "slow"), ("a", "ok"),
    ]  # fmt: skip
    assert (found.troubled, found.silent) == (2, 1)
    silent = next(host for host in found.hosts if host.name == "c")
    assert [line.text for line in silent.lines] == ["not heard for 10m", "was ok: it is ok"]


def test_only_the_last_run_on_a_host_counts_and_late_results_are_shown() -> None:
    runs = [
        run("web1", "ok"), run("web2", "silent"), run("web3", "ok", late=True), run("web4", "waiting"),
        run("web1", "failed", run="before"), run("web4", "unreachable", run="before"),
    ]  # fmt: skip
    found = overview([], runs, [])
    assert {host.name: [line.text for line in host.lines] for host in found.hosts} == {
        "web2": ["a reason"], "web3": ["late: a reason"], "web4": ["a reason"],
    }  # fmt: skip


def test_a_machine_has_its_name_of_the_inventory_and_stands_once() -> None:
    found = overview([loop("vm-17")], [run("web1", "failed", node="vm-17")], [incident("vm-17")])
    assert [(host.name, host.state, len(host.lines)) for host in found.hosts] == [("web1", "failed", 2)]


def test_hosts_without_a_loop_show_their_newest_incident_and_words_of_another_version_are_unknown() -> None:
    found = overview([], [], [incident("a", "recovered"), incident("a", "failed"), incident("b", "levitated")])
    assert [(host.name, host.state) for host in found.hosts] == [("b", "levitated"), ("a", "recovered")]
    assert found.hosts[0].heard is None


def test_a_cause_that_several_hosts_have_is_counted_once_for_each() -> None:
    same = [incident(node, signature="lock-cycle shop.py:pay") for node in ("a", "b", "a")]
    found = overview([], [], [*same, incident("c", signature="busy-loop shop.py:sum")])
    assert [(one["cause"], one["count"], one["hosts"]) for one in found.groups] == [
        ("lock-cycle shop.py:pay", 2, ["a", "b"])
    ]
