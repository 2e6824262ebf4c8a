"""Batches, the budget and proofs: when a run on many hosts goes on, and when it does not."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from watchdog.fleet import plan, proof
from watchdog.fleet.ledger import Ledger
from watchdog.fleet.records import HostRun, Plan, Stage
from watchdog.model.errors import Refused, WrongUsage

HOSTS = [f"web{number}" for number in range(40)]


def made(**more: Any) -> Plan:
    return Plan("night", "frozen-server", ("run", "frozen-server"), ("a", "b"), (("a",), ("b",)), (), **more)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [("1,5,10%", [1, 5, *[4] * 8, 2]), ("100%", [40]), ("25", [25, 15]), ("1", [1] * 40), ("50%,1", [20, *[1] * 20])],
)
def test_batches_grow_as_written_and_every_host_is_in_one(sizes: str, expected: list[int]) -> None:
    found = plan.batches(HOSTS, sizes)
    assert [len(batch) for batch in found] == expected
    assert [name for batch in found for name in batch] == HOSTS


@pytest.mark.parametrize("sizes", ["", "0", "1,,2", "101%", "ten", "-1", "1.5"])
def test_a_wrong_batch_is_refused_with_an_example(sizes: str) -> None:
    with pytest.raises(WrongUsage) as error:
        plan.batches(HOSTS, sizes)
    assert "1,5,10%" in error.value.todo


def test_the_budget_counts_failed_unreachable_and_silent_hosts_over_the_whole_run() -> None:
    stages: tuple[Stage, ...] = ("ok", "failed", "unreachable", "silent", "waiting", "begun")
    runs = [HostRun(stage, stage) for stage in stages]
    assert plan.is_spent(made(max_failed=2), runs)
    assert not plan.is_spent(made(max_failed=3), runs)
    twice = [*runs, HostRun("again", "failed", same_as="failed")]
    assert not plan.is_spent(made(max_failed=3), twice), "two names of one host count once"


def test_a_run_is_found_again_as_it_was_left(folder: Path) -> None:
    ledger = Ledger(folder, "night")
    with ledger.held():
        ledger.begin(made(max_failed=1))
        ledger.note(HostRun("a", "ok", "recovered", files=({"path": "report.md", "sha256": "00"},)))
        with pytest.raises(Refused), Ledger(folder, "night").held():
            pass
    other = Ledger(folder, "night")
    assert other.plan() == made(max_failed=1)
    assert other.runs["a"] == HostRun("a", "ok", "recovered", files=({"path": "report.md", "sha256": "00"},))
    assert other.runs["b"].stage == "waiting"


@pytest.mark.parametrize("name", ["..", "a/b", "", "a" * 200, ".hidden"])
def test_the_id_of_a_run_is_never_a_path(folder: Path, name: str) -> None:
    with pytest.raises(WrongUsage):
        Ledger(folder, name)


def test_names_of_hosts_are_safe_as_names_of_files(folder: Path) -> None:
    ledger = Ledger(folder, "night")
    names = ["../../etc", "a b", "a_b", "web1", ".x"]
    folders = [ledger.host_folder(name) for name in names]
    assert len(set(folders)) == len(names)
    assert all(one.parent == ledger.folder / "hosts" for one in folders)


@pytest.fixture
def answers() -> Iterator[tuple[str, list[bytes]]]:
    """An address, and what it answers next; the last answer stays."""
    waiting: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.send_response(200 if body else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", waiting
    server.shutdown()
    server.server_close()


def vector(*values: str) -> bytes:
    result = [{"metric": {}, "value": [0, value]} for value in values]
    return json.dumps({"data": {"resultType": "vector", "result": result}}).encode()


def test_an_address_proves_by_its_status_and_is_asked_until_it_does(answers: tuple[str, list[bytes]]) -> None:
    url, waiting = answers
    waiting += [b"", b"ok"]
    assert proof.fails(url, 30) == ""
    waiting[:] = [b""]
    assert "503" in proof.fails(url, 0)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (vector("1", "2"), ""),
        (vector("1", "0"), "gives 0"),
        (vector("NaN"), "gives nan"),
        (vector(), "gives no value"),
        (json.dumps({"data": {"resultType": "scalar", "result": [0, "3"]}}).encode(), ""),
        (b"<html>", "no answer of Prometheus"),
        (b"", "503"),
    ],
)
def test_prometheus_proves_by_values_that_are_not_zero(
    answers: tuple[str, list[bytes]], body: bytes, reason: str
) -> None:
    url, waiting = answers
    waiting.append(body)
    assert reason in proof.fails(f"prometheus {url} 'up == 1'", 0)
    assert bool(proof.fails(f"prometheus {url} 'up == 1'", 0)) == bool(reason)


@pytest.mark.posix("a controller runs on POSIX")
def test_a_command_proves_by_its_exit_code() -> None:
    assert proof.fails("true", 0) == ""
    assert "ended with 1" in proof.fails("false", 0)
    assert "No such file" in proof.fails("/no/such/command", 0)


@pytest.mark.parametrize("text", ["", "'open", "prometheus http://x:9090"])
def test_a_proof_that_can_never_hold_is_refused_before_anything_begins(text: str) -> None:
    with pytest.raises(WrongUsage):
        proof.check(text)
