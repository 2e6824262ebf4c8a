"""The main job through the command line: a server that really hangs, one command, a server that is proven back."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Shop, answering_pid, shop_in
from support import alive


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def test_one_command_brings_a_hung_server_back_and_leaves_the_whole_record(shop: Shop) -> None:
    with shop.server(hung=True) as old:
        done = shop.wd("run", "frozen-server", "--service", "shop", "--yes", "-o", "json")
        assert done.code == 0, done.err
        result = done.last
        assert set(result) >= {"incident", "outcome", "steps", "findings", "report"}
        assert result["outcome"] == "recovered"
        assert all(set(step) >= {"step", "outcome", "seconds", "message"} for step in result["steps"])
        order = [step["step"] for step in result["steps"] if step["outcome"] == "ok"]
        assert order == ["snapshot", "why", "kill", "start", "verify", "report"]
        assert result["findings"][0]["cause"] == "lock-deadlock"
        assert not alive(old.pid)
        (new,) = shop.copies()
        assert answering_pid(shop.port) == new

    report = Path(result["report"])
    text = report.read_text()
    for part in ("# shop: recovered", f"pid {old.pid}", f"pid {new}", "without service", "moody.py:", "Fix"):
        assert part in text, part
    assert json.loads(report.with_suffix(".json").read_text())["new_pid"] == new
    page = report.with_suffix(".html").read_text()
    assert "<svg" in page and "http://" not in re.sub(r"http://(127\.0\.0\.1|www\.w3\.org)", "", page)
    evidence = report.parent / "evidence"
    artifacts = json.loads((evidence / "manifest.json").read_text())["artifacts"]
    for one in artifacts:
        if one["path"]:
            assert hashlib.sha256((evidence / one["path"]).read_bytes()).hexdigest() == one["sha256"]
            assert one["sha256"] in text
    kept = (report.parent, *report.parent.rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in kept if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in kept if path.is_file()} == {0o600}


def test_the_ledger_has_the_run_with_its_cause_and_downtime(shop: Shop) -> None:
    with shop.server(hung=True):
        assert shop.wd("run", "frozen-server", "--service", "shop", "--yes", "--set", "evidence=2s").code == 0
    (row,) = shop.wd("incidents", "list", "-o", "json").rows
    assert (row["service"], row["outcome"], row["cause"]) == ("shop", "recovered", "lock-deadlock")
    assert row["downtime"] > 0 and row["trigger"].startswith("person: wd ")
    assert shop.wd("incidents", "note", row["incident"], "--root-cause", "two locks", "--fix", "one lock").code == 0
    assert "two locks" in Path(row["report"]).read_text()


def test_a_dry_run_shows_what_is_done_and_touches_nothing(shop: Shop) -> None:
    with shop.server(hung=True) as old:
        before = sorted(shop.folder.rglob("*"))
        planned = shop.wd("run", "frozen-server", "--service", "shop", "--dry-run", "-o", "json")
        shown = shop.wd("run", "frozen-server", "--service", "shop", "--dry-run")
        assert (planned.code, planned.last["outcome"], shown.code) == (0, "planned", 0)
        assert sorted(shop.folder.rglob("*")) == before
        assert alive(old.pid)
        assert re.search(rf"{old.pid}\s+main", shown.out) and "SIGTERM, 5 s of grace" in shown.out
        done = shop.wd("run", "frozen-server", "--service", "shop", "--yes", "-o", "json")
        assert [step["text"] for step in done.last["steps"]] == [step["text"] for step in planned.last["steps"]]
        assert all(step["text"] in shown.out for step in done.last["steps"])


def test_the_plan_of_a_kill_is_the_kill_that_is_done(shop: Shop) -> None:
    with shop.server(hung=True) as old:
        planned = shop.wd("kill", "--service", "shop", "--dry-run", "-o", "json")
        assert (planned.code, planned.last["outcome"]) == (0, "planned")
        assert alive(old.pid) and not (shop.folder / "logs" / "incidents").exists()
        done = shop.wd("kill", "--service", "shop", "-o", "json")
    doomed = [one["pid"] for one in planned.last["plans"][0]["doomed"]]
    assert doomed == [one["pid"] for one in done.last["killed"]] == [old.pid]


def test_going_step_by_step_needs_somebody_who_says_yes(shop: Shop) -> None:
    with shop.server(hung=True) as old:
        done = shop.wd("run", "short", "--service", "shop", "--step", "-o", "json")
        assert (done.code, done.last["outcome"]) == (5, "refused")
        assert alive(old.pid)
        assert shop.wd("run", "short", "--service", "shop", "--step", "--yes").code == 0
        assert not alive(old.pid)


def test_an_ordinary_procedure_is_walked_only_after_a_yes(shop: Shop) -> None:
    mark = shop.folder / "mark"
    text = f"# Restart\n\n```bash\ntouch {mark}\n```\n\nOn Windows:\n\n```powershell\nRestart-Service shop\n```\n"
    shop.runbook("procedure", text)
    refused = shop.wd("run", "procedure", "--service", "shop", "-o", "json")
    assert (refused.code, refused.last["outcome"], mark.exists()) == (5, "refused", False)
    walked = shop.wd("run", "procedure", "--service", "shop", "--yes", "-o", "json")
    assert (walked.code, walked.last["outcome"], mark.exists()) == (0, "done", True)
    assert len(walked.last["steps"]) == 1


def test_a_milder_remedy_that_helps_ends_nobody(shop: Shop) -> None:
    with shop.server() as server:
        assert answering_pid(shop.port) == server.pid
        answering_pid(shop.port, "/grow")
        done = shop.wd("run", "reset-conversation", "--service", "shop", "--set", "url=/reset", "--yes", "-o", "json")
        assert (done.code, done.last["outcome"]) == (0, "done"), done.err
        assert [step["step"] for step in done.last["steps"]] == ["http", "verify", "report"]
        assert answering_pid(shop.port) == server.pid


def test_a_milder_remedy_that_does_not_help_is_followed_by_the_next(shop: Shop) -> None:
    shop.runbook(
        "mild",
        "```wd timeout=20s on-fail=continue\nhttp /reset --timeout 1s\n```\n"
        "```wd timeout=20s on-fail=short\nverify --healthy 2 --within 2s\n```\n",
    )
    with shop.server(hung=True) as old:
        done = shop.wd("run", "mild", "--service", "shop", "--yes", "-o", "json")
        assert (done.code, done.last["outcome"]) == (0, "recovered"), done.err
        outcomes = [(step["step"], step["outcome"]) for step in done.last["steps"]]
        assert outcomes[1:] == [("verify", "failed"), ("kill", "ok"), ("start", "ok"), ("verify", "ok")]
        assert not alive(old.pid) and len(shop.copies()) == 1


def test_broken_data_keeps_the_server_down_and_is_told(shop: Shop) -> None:
    shop.playbook(more='checks: {orders: {command: [sh, -c, "echo 12 orders without a customer; exit 2"]}}\n')
    with shop.server(hung=True) as old:
        done = shop.wd("run", "frozen-server", "--service", "shop", "--set", "evidence=1s", "--yes", "-o", "json")
        assert (done.code, done.last["outcome"]) == (2, "failed")
        assert "12 orders without a customer" in done.last["message"]
        assert not alive(old.pid) and shop.copies() == []
    assert "12 orders without a customer" in Path(done.last["report"]).read_text()


@pytest.mark.parametrize(
    "broken", ["[/nonexistent/python, moody.py]", "[FOLDER/notes.txt]", "[python3, gone.py]", "[]", "[no-such-program]"]
)
def test_what_could_not_be_started_again_is_not_ended(shop: Shop, broken: str) -> None:
    (shop.folder / "notes.txt").write_text("not a program")
    path = shop.folder / "playbooks" / "shop.yml"
    command = broken.replace("FOLDER", str(shop.folder))
    path.write_text(re.sub(r"  command: .*\n", f"  command: {command}\n", path.read_text()))
    with shop.server(hung=True) as old:
        done = shop.wd("run", "short", "--service", "shop", "--yes", "-o", "json")
        assert done.code in (3, 5), done.err
        assert alive(old.pid)
        assert shop.wd("run", "short", "--service", "shop", "--dry-run").code == done.code


def test_another_program_on_the_port_is_ended_only_when_a_person_or_a_runbook_says_so(shop: Shop) -> None:
    other = shop.folder / "other.py"
    other.write_bytes(shop.script.read_bytes())
    with shop.server(script=other) as stranger:
        for words in (("kill", "--service", "shop"), ("run", "short", "--service", "shop", "--yes")):
            refused = shop.wd(*words, "-o", "json")
            assert refused.code == 5, refused.err
            assert "not the configured program" in refused.out
            assert alive(stranger.pid)
        why = shop.wd("why", "--service", "shop", "-o", "json")
        assert (why.code, why.last["findings"][0]["cause"]) == (2, "wrong-program")
        done = shop.wd("run", "port-in-use", "--service", "shop", "--yes", "-o", "json")
        assert (done.code, done.last["outcome"]) == (0, "recovered"), done.err
        assert not alive(stranger.pid) and len(shop.copies()) == 1


def test_a_runbook_that_starts_needs_a_service_before_it_ends_anything(shop: Shop) -> None:
    with shop.server(hung=True) as old:
        assert shop.wd("run", "frozen-server", "--port", str(shop.port), "--yes").code == 5
        assert alive(old.pid)


def test_a_server_that_is_already_gone_is_simply_started(shop: Shop) -> None:
    done = shop.wd("run", "short", "--service", "shop", "--yes", "-o", "json")
    assert (done.code, done.last["outcome"]) == (0, "recovered"), done.err
    assert [step["outcome"] for step in done.last["steps"]] == ["nothing", "ok", "ok"]
    assert len(shop.copies()) == 1
