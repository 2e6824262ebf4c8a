"""`wd snapshot`, `wd check`, `wd incidents` and the step `report`, through the command line, with real servers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import SERVERS, free_port, running

from watchdog.journal.store import Journal
from watchdog.model.incident import Trigger

PLAIN = str(SERVERS / "plain.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(folder: Path) -> Path:
    for name in ("playbooks", "runbooks", "logs"):
        (folder / name).mkdir(0o700)
    return folder


def playbook(home: Path, port: int, checks: str = "") -> None:
    log = home / "logs" / "shop.log"
    log.write_text("ERROR password=hunter2XyZ\n")
    text = (
        f"service: shop\nfind: {{port: {port}, cmdline: plain.py}}\n"
        f"start: {{command: ['{sys.executable}', '{PLAIN}', '{port}']}}\nlogs: [logs/shop.log]\n"
        f"probes: {{health: {{http: /health}}}}\n{checks}"
    )
    (home / "playbooks" / "shop.yml").write_text(text)


def wd(home: Path, *words: str, stdin: str = "") -> tuple[int, list[dict[str, Any]], str, str]:
    done = subprocess.run(
        [sys.executable, "-c", "from watchdog.cli.main import main; main()", "--home", str(home), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        input=stdin,
        timeout=110,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()] if "json" in words else []
    return done.returncode, rows, done.stdout, done.stderr


def test_snapshot_of_a_service_keeps_its_log_and_names_the_folder(home: Path) -> None:
    with running(PLAIN, "{port}") as server:
        playbook(home, server.port)
        code, rows, _, _ = wd(home, "snapshot", "--service", "shop", "--within", "3s", "-o", "json")
    assert code == 0
    (result,) = rows
    place = Path(result["evidence"])
    assert place.parent.parent == home / "logs" / "incidents"
    kinds = {one["kind"] for one in result["artifacts"] if one["path"]}
    assert {"stacks", "threads", "processes", "machine", "log"} <= kinds
    assert set(result["artifacts"][0]) >= {"kind", "path", "sha256", "bytes", "seconds", "error"}
    assert all(b"hunter2XyZ" not in path.read_bytes() for path in place.rglob("*") if path.is_file())


def test_snapshot_of_a_service_that_does_not_run_still_keeps_what_there_is(home: Path) -> None:
    playbook(home, free_port())
    code, rows, _, _ = wd(home, "snapshot", "--service", "shop", "--within", "3s", "-o", "json")
    kinds = {one["kind"]: one["error"] for one in rows[0]["artifacts"]}
    assert code == 0 and "log" in kinds and "machine" in kinds and "nothing runs" in kinds["process"]


def test_snapshot_of_nothing_is_exit_4(home: Path) -> None:
    assert wd(home, "snapshot", f":{free_port()}")[0] == 4


def test_snapshot_reads_targets_from_a_pipe_and_leaves_an_existing_folder_as_it_is(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir(0o755)
    place.chmod(0o755)
    with running(PLAIN, "{port}") as first, running(PLAIN, "{port}") as second:
        found = [wd(home, "find", f":{server.port}", "-o", "json")[2] for server in (first, second)]
        one = wd(home, "snapshot", "-", "--within", "2s", "--to", str(place), "-o", "json", stdin=found[0])[1]
        both = wd(home, "snapshot", "-", "--within", "4s", "--to", str(place), "-o", "json", stdin="".join(found))[1]
    assert one[0]["evidence"] == str(place / "evidence") and place.stat().st_mode & 0o777 == 0o755
    assert [row["evidence"] for row in both] == [str(place / f"pid-{s.pid}") for s in (first, second)] + [str(place)]


CHECKS = """
checks:
  orders: {command: [%s, -c, "print('12 orphans'); raise SystemExit(%d)"]}
  room: {disk: /, free: 1MB}
"""


@pytest.mark.parametrize(("code", "word"), [(0, "OK"), (1, "WARNING"), (2, "CRITICAL"), (9, "UNKNOWN")])
def test_check_is_a_monitoring_plugin_as_it_stands(home: Path, code: int, word: str) -> None:
    playbook(home, free_port(), CHECKS % (sys.executable, code))
    came, _, out, _ = wd(home, "check", "--service", "shop")
    assert came == {0: 0, 1: 1, 2: 2, 9: 3}[code]
    assert out.startswith(f"{word} - shop: ") and out.count("\n") == 1 and "'orders'=" in out.split("|")[1]
    assert code == 0 or "12 orphans" in out
    came, rows, _, _ = wd(home, "check", "--service", "shop", "-o", "json")
    assert [one["name"] for one in rows[0]["checks"]] == ["orders", "room"] and rows[0]["checks"][1]["state"] == "ok"


def test_a_service_without_checks_has_nothing_to_say(home: Path) -> None:
    playbook(home, free_port())
    assert wd(home, "check", "--service", "shop")[0] == 0


def record(home: Path) -> str:
    with Journal.open(home / "logs") as journal:
        incident = journal.open_incident("shop", "frozen-server", Trigger("person", "wd run frozen-server", "kim"))
        journal.begin_step(incident.id, 1, "why", "why")
        journal.end_step(incident.id, 1, "ok", "lock-deadlock")
        journal.update(incident.id, cause="lock-deadlock", downtime=14.5, request="POST /order")
        journal.close(incident.id, "recovered")
    return incident.id


def test_the_ledger_lists_shows_and_takes_what_a_person_knows(home: Path) -> None:
    assert wd(home, "incidents", "list")[0] == 4
    name = record(home)
    code, rows, out, _ = wd(home, "incidents", "list", "-o", "json")
    assert (
        code == 0 and rows[0]["incident"] == name and rows[0]["downtime"] == 14.5 and rows[0]["input"] == "POST /order"
    )
    out = wd(home, "incidents", "list", "--service", "shop")[2]
    assert name in out and "lock-deadlock" in out and "down 14.5s" in out
    assert wd(home, "incidents", "list", "--service", "other")[0] == 3

    words = ("--root-cause", "locks in opposite order", "--fix", "one order", "deployed", "in 1.2")
    code, _, out, _ = wd(home, "incidents", "note", name, *words)
    assert code == 0
    shown = wd(home, "incidents", "show", name)[2]
    for text in ("locks in opposite order", "one order", "deployed in 1.2", "# shop: recovered"):
        assert text in shown, text
    report = (home / "logs" / "incidents" / name / "report.md").read_text()
    assert "locks in opposite order" in report
    assert wd(home, "incidents", "note", name)[0] == 3
    assert wd(home, "incidents", "show", "nope")[0] == 4


def test_a_report_can_be_made_again_after_it_was_lost(home: Path) -> None:
    name = record(home)
    code, rows, _, _ = wd(home, "incidents", "report", name[-6:], "-o", "json")
    assert code == 0 and Path(rows[0]["report"]).is_file() and Path(rows[0]["report"]).with_suffix(".html").is_file()


def test_a_run_that_was_cut_off_is_called_so(home: Path) -> None:
    script = (
        "import os, pathlib; from watchdog.journal.store import Journal; from watchdog.model.incident import Trigger;"
        f"j = Journal.open(pathlib.Path({str(home / 'logs')!r})); i = j.open_incident('shop', 'x', Trigger('probe'));"
        "j.begin_step(i.id, 1, 'kill', 'kill'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert "cut off" in wd(home, "incidents", "list")[2]
