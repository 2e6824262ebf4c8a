"""Is what the service owns sound? Each check answers in its time, on real files and processes, and changes nothing."""

from __future__ import annotations

import fcntl
import os
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import SERVERS, running

from watchdog.checks import run
from watchdog.model.playbook import CheckSpec, Percent, Playbook, Start
from watchdog.model.probing import CheckResult
from watchdog.model.selector import Selector

PLAIN = str(SERVERS / "plain.py")
SHOP = Playbook("shop", Selector(port=8000))


def ask(kind: str, subject: Any, playbook: Playbook = SHOP, timeout: float = 20.0, **settings: Any) -> CheckResult:
    spec = CheckSpec("it", kind, subject, timeout, settings=tuple(settings.items()))
    return run.check(spec, playbook)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


@pytest.mark.parametrize(
    ("code", "state"), [(0, "ok"), (1, "warning"), (2, "critical"), (3, "unknown"), (77, "unknown")]
)
def test_a_commands_exit_code_is_its_answer_and_its_last_line_the_reason(code: int, state: str) -> None:
    found = ask("command", python(f"print('looking'); print('12 orders without a customer'); raise SystemExit({code})"))
    assert found.state == state and "12 orders" in found.message and "looking" in found.output


def test_a_command_that_hangs_forks_or_is_not_there_could_not_tell() -> None:
    begun = time.monotonic()
    found = ask("command", python("import os, time; os.fork(); time.sleep(600)"), timeout=0.5)
    assert found.state == "unknown" and "no end within" in found.message and time.monotonic() - begun < 100
    assert ask("command", ("/no/such/program",)).state == "unknown"
    assert ask("command", python("import os; os.kill(os.getpid(), 11)")).state == "unknown"


def test_a_command_sees_the_services_environment_and_its_secrets_stay_out_of_the_answer() -> None:
    shop = Playbook("shop", Selector(port=8000), Start(env=(("DB", "postgres://kim:hunter2XyZ@db/x"),)))
    found = ask(
        "command", python("import os; print(os.environ['DB'], os.environ.get('HOME'), 'WD' in os.environ)"), shop
    )
    assert found.state == "ok" and "hunter2XyZ" not in found.message + found.output and "kim:[redacted]" in found.output


@pytest.mark.root
def test_a_command_runs_as_the_services_user() -> None:
    shop = Playbook("shop", Selector(port=8000), Start(user="nobody"))
    assert "65534" in ask("command", ("/usr/bin/id", "-u"), shop).output


def database(path: Path, journal: str = "wal") -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, text TEXT)")
    connection.executemany("INSERT INTO orders (text) VALUES (?)", [("x" * 500,) for _ in range(2000)])
    connection.commit()
    return connection


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_sound_database_is_ok_in_use_and_closed_and_nothing_is_left_beside_it(folder: Path, journal: str) -> None:
    path = folder / "shop ü%?.db"
    connection = database(path, journal)
    assert ask("sqlite", str(path)).state == "ok"
    connection.execute("INSERT INTO orders (text) VALUES ('in the log')")
    connection.commit()
    assert ask("sqlite", str(path)).state == "ok"
    connection.close()
    before = sorted(each.name for each in folder.iterdir())
    assert ask("sqlite", str(path)).state == "ok"
    assert sorted(each.name for each in folder.iterdir()) == before == [path.name]


@pytest.mark.root
def test_side_files_that_had_to_be_made_belong_to_the_databases_owner(folder: Path) -> None:
    path = folder / "shop.db"
    connection = database(path)
    connection.execute("PRAGMA wal_checkpoint")
    connection.execute("INSERT INTO orders (text) VALUES ('in the log')")
    connection.commit()
    wal = (folder / "shop.db-wal").read_bytes()
    connection.close()
    (folder / "shop.db-wal").write_bytes(wal)  # as after a kill -9 and a lost -shm
    for each in folder.iterdir():
        os.chown(each, 65534, 65534)
    assert ask("sqlite", str(path)).state in ("ok", "unknown")
    assert {each.stat().st_uid for each in folder.iterdir()} == {65534}


def test_a_damaged_missing_or_empty_database_is_told(folder: Path) -> None:
    path = folder / "shop.db"
    database(path, "delete").close()
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(40_000))
    found = ask("sqlite", str(path))
    assert found.state == "critical" and "damaged" in found.message
    path.write_bytes(b"not a database at all" * 100)
    assert ask("sqlite", str(path)).state == "critical"
    path.write_bytes(b"")
    assert ask("sqlite", str(path)).state == "warning"
    path.unlink()
    assert ask("sqlite", str(path)).state == "critical"
    assert ask("sqlite", str(folder)).state == "critical"


def test_a_writer_that_does_not_let_go_is_told_and_not_waited_for(folder: Path) -> None:
    path = folder / "shop.db"
    connection = database(path, "delete")
    connection.isolation_level = None
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("INSERT INTO orders (text) VALUES ('x')")
    connection.execute("PRAGMA cache_spill=1")
    found = ask("sqlite", str(path))
    assert found.state in ("ok", "warning")  # the lock only shows once something stands in the journal
    connection.execute("ROLLBACK")
    connection.close()


def test_a_check_that_takes_too_long_could_not_tell(folder: Path) -> None:
    path = folder / "shop.db"
    database(path, "delete").close()
    assert "did not end" in ask("sqlite", str(path), timeout=0.0).message


def test_a_pid_file_is_right_stale_or_names_another_program(folder: Path) -> None:
    pidfile = folder / "shop.pid"
    assert ask("pidfile", str(pidfile)).state == "ok"
    pidfile.write_text(f"{os.getpid()}\n")
    assert ask("pidfile", str(pidfile)).state == "ok"
    os.utime(pidfile, (1, 1))
    found = ask("pidfile", str(pidfile))
    assert found.state == "critical" and "another program" in found.message
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    pidfile.write_text(str(ended.pid))
    found = ask("pidfile", str(pidfile))
    assert found.state == "warning" and "stale" in found.message
    for text in ("", "x", "-1", "0", "1_0", "１２"):
        pidfile.write_text(text)
        assert ask("pidfile", str(pidfile)).state == "warning"
    os.mkfifo(folder / "fifo")
    assert ask("pidfile", str(folder / "fifo")).state == "unknown"


def test_a_lock_file_is_held_or_was_left_behind(folder: Path) -> None:
    path = folder / "shop.lock"
    assert ask("lockfile", str(path)).state == "ok"
    path.touch()
    assert ask("lockfile", str(path)).state == "warning"
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = ask("lockfile", str(path))
        assert found.state == "ok" and str(os.getpid()) in found.message
    path.write_text(f"{os.getpid()}\n")
    assert ask("lockfile", str(path)).state == "ok"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path.write_text(f"{ended.pid} host\n")
    found = ask("lockfile", str(path))
    assert found.state == "warning" and "gone" in found.message


def test_room_on_the_disk_is_judged_by_share_or_by_size(folder: Path) -> None:
    assert ask("disk", str(folder / "not" / "yet" / "there"), free=1).state == "ok"
    assert ask("disk", str(folder), free=1 << 60).state == "critical"
    assert ask("disk", str(folder), free=Percent(100.0)).state == "critical"
    assert ask("disk", str(folder), free=Percent(0.0)).state == "ok"


def test_the_port_is_free_ours_or_another_programs(folder: Path) -> None:
    with running(PLAIN, "{port}") as server:
        right = Playbook("shop", Selector(port=server.port, cmdline=("plain.py",)))
        wrong = Playbook("shop", Selector(port=server.port, cmdline=("uvicorn", "shop:app")))
        assert ask("port", server.port, right).state == "ok"
        found = ask("port", server.port, wrong)
        assert found.state == "critical" and str(server.pid) in found.message and "plain.py" in found.message
        port = server.port
    assert ask("port", port, right).state in ("ok", "warning")  # a warning while the kernel keeps it for a moment
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert ask("port", bound.getsockname()[1], right).state in ("ok", "warning")


def test_a_check_that_breaks_is_unknown_and_not_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(spec: CheckSpec, playbook: Playbook) -> CheckResult:
        raise RuntimeError("password=hunter2XyZ")

    monkeypatch.setitem(run.KINDS, "disk", replace(run.KINDS["disk"], check=broken))
    found = ask("disk", "/")
    assert found.state == "unknown" and "RuntimeError" in found.message and "hunter2XyZ" not in found.message


def test_every_kind_of_a_playbook_is_there() -> None:
    from watchdog.config import kinds

    assert {check.kind for check in kinds.CHECKS} == set(run.KINDS)
