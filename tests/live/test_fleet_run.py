"""`wd fleet run` over real sshd: one result a host, a budget that holds, and links that break in each phase."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from homes import Done, Home, answering_pid
from hosts import Fleet, fleet_in, needed
from support import free_port, wait_for

pytestmark = [needed, pytest.mark.timeout(300)]
PHASES = """\
```wd timeout=20s
exec -- sleep 1
```
```wd timeout=30s on-fail=escalate
kill --grace 1s
```
```wd timeout=20s
exec -- sleep 2
```
```wd timeout=60s on-fail=stop
start
verify --healthy 1 --within 30s
exec -- sleep 1
```
"""
FAILS = "```wd timeout=20s on-fail=stop\nexec -- false\n```\n"
WAITS = "```wd timeout=60s on-fail=stop\nexec -- sleep 3\n```\n"


@pytest.fixture
def fleet(folder: Path) -> Iterator[Fleet]:
    with fleet_in(folder) as made:
        yield made


def test_hung_servers_are_cured_in_batches_and_all_evidence_is_fetched(fleet: Fleet) -> None:
    with ExitStack() as running:
        before = {}
        for name in ("one", "two", "three"):
            shop = fleet.shop(name)
            before[name] = running.enter_context(shop.server(hung=True)).pid
        words = ("run", "frozen-server", "--service", "shop", "--batch", "1,2", "--id", "night", "-o", "json")
        done = fleet.wd(*words, limit=200)
        assert done.code == 0, done.out + done.err
        after = {name: answering_pid(shop.port) for name, shop in fleet.shops.items()}
        assert all(after[name] not in (0, before[name]) for name in after)
        assert '"outcome"' not in done.err, "the steps are shown, not the result's JSON"
        assert done.err.index("batch 1 of 2") < done.err.index("✓ one") < done.err.index("batch 2 of 2")
        record = json.loads((Path(done.last["report"]).parent / "report.json").read_text())
        for run in record["runs"]:
            assert run["outcome"] == "recovered"
            kept = Path(done.last["report"]).parent / "hosts" / run["host"]
            assert {"report.md", "report.json", "output.txt"} <= {one["path"] for one in run["files"]}
            for one in run["files"]:
                assert hashlib.sha256((kept / one["path"]).read_bytes()).hexdigest() == one["sha256"]
        again = fleet.wd(*words)
        assert again.code == 0
        assert {name: answering_pid(shop.port) for name, shop in fleet.shops.items()} == after
        assert all(len(shop.incidents()) == 1 for shop in fleet.shops.values()), "nothing was begun twice"
        other = fleet.wd("run", "short", *words[2:])
        assert other.code == 5, "its result is no answer to other words"
        assert "the id night is that of another run: wd run frozen-server" in other.out + other.err


def test_a_healthy_server_among_the_hosts_is_left_alone_and_costs_no_budget(fleet: Fleet) -> None:
    with fleet.shop("ill").server(hung=True) as ill, fleet.shop("well").server() as well:
        done = fleet.wd("run", "frozen-server", "--service", "shop", "--batch", "2", "-o", "json", limit=200)
        assert {row["host"]: row["outcome"] for row in done.rows} == {"ill": "recovered", "well": "healthy"}
        assert done.code == 0
        assert answering_pid(fleet.shops["well"].port) == well.pid
        assert answering_pid(fleet.shops["ill"].port) not in (0, ill.pid)


def test_a_spent_budget_begins_no_further_host_and_still_fetches_everything(fleet: Fleet) -> None:
    for name in ("a", "b", "c", "d", "e"):
        fleet.shop(name).runbook("test", FAILS if name == "b" else WAITS)
    fleet.hosts["c"].end()  # it dies
    words = ("--batch", "1,3", "--max-failed", "1", "--silence", "2s", "--id", "budget", "-o", "json")
    done = fleet.wd("run", "test", "--service", "shop", *words)
    assert done.code == 2
    stages = {row["host"]: row["stage"] for row in done.rows}
    assert stages == {"a": "ok", "b": "failed", "c": "unreachable", "d": "ok", "e": "waiting"}
    assert done.last["not_begun"] == ["e"]
    assert fleet.shops["e"].incidents() == []
    kept = Path(done.last["report"]).parent / "hosts"
    assert all((kept / name / "report.md").is_file() for name in ("a", "b", "d")), "failed or not, it has its files"
    stays = fleet.wd("resume", "budget", "-o", "json")
    assert {row["host"]: row["stage"] for row in stays.rows}["e"] == "waiting", "the budget holds over the whole run"
    fleet.hosts["c"].begin()
    goes_on = fleet.wd("resume", "budget", "--max-failed", "2", "-o", "json")
    assert {row["host"]: row["stage"] for row in goes_on.rows} == {
        "a": "ok", "b": "failed", "c": "ok", "d": "ok", "e": "ok",
    }  # fmt: skip
    assert [len(shop.incidents()) for shop in fleet.shops.values()] == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "sign",
    ["… exec -- sleep 1", "✓ kill", "✓ verify"],
    ids=["before the kill", "between kill and start", "before the report"],
)
def test_a_link_that_breaks_leaves_no_server_down_and_starts_none_twice(fleet: Fleet, sign: str) -> None:
    shop = fleet.shop("one")
    shop.runbook("phases", PHASES)
    with shop.server(hung=True) as before:
        controller = fleet.begin("run", "phases", "--service", "shop", "--id", "cut", "-o", "json")
        wait_for(lambda: sign in fleet.output("one", "cut") or controller.poll() is not None, sign, 60)
        assert controller.poll() is None, controller.communicate()[0]
        assert fleet.hosts["one"].sessions()
        fleet.hosts["one"].cut()
        out, _ = controller.communicate(timeout=120)
        assert controller.returncode == 0, out
        assert answering_pid(shop.port) not in (0, before.pid)
        assert len(shop.copies()) == 1
        assert [row["outcome"] for row in shop.incidents()] == ["recovered"]


def test_a_controller_that_dies_leaves_the_run_to_the_host_and_another_fetches_it(fleet: Fleet) -> None:
    shop = fleet.shop("one")
    shop.runbook("phases", PHASES)
    with shop.server(hung=True) as before:
        controller = fleet.begin("run", "phases", "--service", "shop", "--id", "dead", "-o", "json")
        wait_for(lambda: "✓ kill" in fleet.output("one", "dead"), "the kill", 60)
        os.killpg(controller.pid, signal.SIGKILL)
        fleet.hosts["one"].cut()
        controller.communicate(timeout=30)
        wait_for(lambda: answering_pid(shop.port) not in (0, before.pid), "the host goes on by itself", 60)
        done = fleet.wd("resume", "dead", "-o", "json")
        assert (done.code, done.rows[0]["outcome"]) == (0, "recovered"), done.out + done.err
        assert len(shop.copies()) == 1
        assert len(shop.incidents()) == 1


def test_a_run_ends_at_its_deadline_and_its_evidence_is_fetched(fleet: Fleet) -> None:
    shop = fleet.shop("one")
    shop.runbook("test", WAITS.replace("sleep 3", "sleep 20"))
    done = fleet.wd("run", "test", "--service", "shop", "--deadline", "3s", "-o", "json")
    (row,) = done.rows
    assert (done.code, row["stage"]) == (2, "failed")
    assert "deadline of 3s" in row["text"]
    assert (Path(done.last["report"]).parent / "hosts" / "one" / "report.json").is_file()


def test_ctrl_c_says_how_to_go_on_and_closes_the_links(fleet: Fleet) -> None:
    fleet.shop("one").runbook("test", WAITS)
    controller = fleet.begin("run", "test", "--service", "shop", "--id", "ctrl-c")
    wait_for(lambda: "sleep" in fleet.output("one", "ctrl-c"), "it has begun", 60)
    os.kill(controller.pid, signal.SIGINT)
    out, _ = controller.communicate(timeout=60)
    assert controller.returncode == 130
    assert "fleet resume ctrl-c" in out
    wait_for(lambda: not fleet.hosts["one"].sessions(), "the link is closed", 60)
    assert fleet.wd("resume", "ctrl-c", "-o", "json").rows[0]["stage"] == "ok"


def test_a_host_that_comes_back_later_reports_late(fleet: Fleet) -> None:
    shop = fleet.shop("one")
    shop.runbook("test", WAITS)
    fleet.shop("two").runbook("test", WAITS)
    words = ("run", "test", "--service", "shop", "--batch", "2", "--silence", "1s", "--id", "late")
    controller = fleet.begin(*words, "-o", "json")
    wait_for(lambda: "sleep" in fleet.output("one", "late"), "it has begun", 60)
    fleet.hosts["one"].end()
    out, _ = controller.communicate(timeout=120)
    assert controller.returncode == 2, out
    assert '"stage": "silent"' in out
    fleet.hosts["one"].begin()
    done = fleet.wd("resume", "late", "-o", "json")
    assert {row["host"]: (row["stage"], row["late"]) for row in done.rows} == {
        "one": ("ok", True), "two": ("ok", False),
    }  # fmt: skip


def test_a_proof_that_does_not_hold_stops_after_its_batch(fleet: Fleet) -> None:
    for name in ("one", "two"):
        fleet.shop(name).runbook("test", WAITS.replace("sleep 3", "true"))
    nobody = f"http://127.0.0.1:{free_port()}/"
    words = ("run", "test", "--service", "shop", "--batch", "1", "--verify-within", "1s", "-o", "json")
    done = fleet.wd(*words, "--verify", "true", "--verify", nobody)
    assert done.code == 2
    assert nobody in done.last["stopped"]
    assert [row["stage"] for row in done.rows if row["host"] == "two"] == ["waiting"]


def test_two_names_of_one_host_run_once_and_count_once(fleet: Fleet) -> None:
    shop = fleet.shop("one")
    shop.runbook("test", FAILS)
    host = fleet.hosts["one"]
    known = host.folder / "known"
    known.write_text(known.read_text() + known.read_text().replace("127.0.0.1", "localhost"))
    fleet.row("other", **host.variables(ansible_host="localhost", wd_home=str(shop.folder)))
    done = fleet.wd("run", "test", "--service", "shop", "--batch", "2", "--max-failed", "1", "-o", "json")
    assert sorted(row["same_as"] for row in done.rows)[0] == ""
    assert sorted(row["same_as"] for row in done.rows)[1] in ("one", "other")
    assert len(shop.incidents()) == 1
    assert done.last["stopped"] == "", "one failure, not two"


def test_a_host_refuses_an_id_that_is_that_of_another_run(folder: Path) -> None:
    home = Home(folder)
    home.runbook("test", FAILS)

    def order(*words: str) -> Done:
        told = json.dumps({"id": "night", "words": ["run", *words, "-o", "json"], "deadline": 60, "begin": True})
        return home.wd("fleet", "host", "follow", stdin=told + "\n")

    assert last_state(order("test"))["stage"] == "failed"
    other = order("other")
    assert other.code == 5
    assert "the id night is that of another run: wd run test -o json" in other.err
    assert last_state(order("test"))["known"] is True
    assert len(home.incidents()) == 1


def last_state(done: Done) -> dict[str, object]:
    states: list[dict[str, object]] = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
    return states[-1]


def test_a_dry_run_prints_the_plan_and_asks_no_host(fleet: Fleet) -> None:
    for number in range(7):
        fleet.row(f"web{number}", ansible_host=f"192.0.2.{number + 1}")
    done = fleet.wd("run", "frozen-server", "--service", "shop", "--dry-run", "--max-failed", "2")
    assert done.code == 0
    assert "1. 1 host: web0" in done.out
    assert "2. 5 hosts: web1" in done.out
    assert "more than 2 hosts failed" in done.out
    assert "wd run frozen-server --service shop" in done.out
