"""Ten hosts, each behind a cable of its own: a bad one, a dying one, and a budget that keeps the rest as they were."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import networks
import pytest
from homes import answering_pid
from hosts import needed
from networks import CableFleet, cable_fleet_in
from support import wait_for

CURE = """\
```wd timeout=60s on-fail=stop
snapshot
kill --grace 1s
exec -- sleep 2
start
verify --healthy 1 --within 40s
```
"""
BAD = "```wd timeout=20s on-fail=stop\nexec -- false\n```\n"
NO_ROOM = networks.why_not() if os.geteuid() == 0 else ""
pytestmark = [
    needed,
    pytest.mark.root,
    pytest.mark.skipif(bool(NO_ROOM), reason=NO_ROOM or "-"),
    pytest.mark.timeout(400),
]
BEGUN = ("h0", "h1", "h2", "h3")
UNTOUCHED = ("h4", "h5", "h6", "h7", "h8", "h9")


@pytest.fixture
def fleet(folder: Path) -> Iterator[CableFleet]:
    with cable_fleet_in(folder) as made:
        yield made


def pid_on(fleet: CableFleet, name: str) -> int:
    """Who answers on this host."""
    with fleet.cable(name).network.inside():
        return answering_pid(fleet.shops[name].port)


def test_with_a_bad_and_a_dying_host_the_rest_is_left_untouched(fleet: CableFleet) -> None:
    with ExitStack() as servers:
        before = {}
        for name in (*BEGUN, *UNTOUCHED):
            shop = fleet.shop(name)
            shop.runbook("cure", BAD if name == "h1" else CURE)
            with fleet.cable(name).network.inside():
                before[name] = servers.enter_context(shop.server(hung=True)).pid
        words = ("--batch", "1,3,6", "--max-failed", "1", "--silence", "1s", "--id", "night", "-o", "json")
        controller = fleet.begin("run", "cure", "--service", "shop", *words)
        wait_for(lambda: "✓ kill" in fleet.output("h2", "night") or controller.poll() is not None, "the kill", 120)
        assert controller.poll() is None, controller.communicate()[0]
        fleet.cable("h2").unplug()
        out, _ = controller.communicate(timeout=200)
        assert controller.returncode == 2, out
        last = json.loads(out.splitlines()[-1])
        rows = {row["host"]: row for row in map(json.loads, filter(lambda one: one[:7] == '{"host"', out.splitlines()))}
        assert {name: rows[name]["stage"] for name in BEGUN} == {
            "h0": "ok", "h1": "failed", "h2": "silent", "h3": "ok",
        }  # fmt: skip
        assert last["not_begun"] == list(UNTOUCHED)
        for name in UNTOUCHED:
            assert fleet.shops[name].copies() == [before[name]]
            assert not (fleet.shops[name].folder / "logs" / "fleet").exists(), "it was not even asked"
        wait_for(lambda: pid_on(fleet, "h2") not in (0, before["h2"]), "the host that died goes on by itself", 60)
        fleet.cable("h2").plug()
        fleet.wd("resume", "night", "--max-failed", "0", "-o", "json")
        record = json.loads((Path(last["report"]).parent / "report.json").read_text())
        runs = {run["host"]: run for run in record["runs"]}
        assert (runs["h2"]["stage"], runs["h2"]["late"]) == ("ok", True)
        for name in BEGUN:
            kept = Path(last["report"]).parent / "hosts" / name
            assert {"report.md", "output.txt"} <= {one["path"] for one in runs[name]["files"]}
            for one in runs[name]["files"]:
                assert hashlib.sha256((kept / one["path"]).read_bytes()).hexdigest() == one["sha256"]
            assert len(fleet.shops[name].copies()) == 1
        assert all(pid_on(fleet, name) not in (0, before[name]) for name in ("h0", "h2", "h3"))
