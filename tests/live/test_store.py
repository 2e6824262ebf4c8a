"""The store that several controllers share, in a real PostgreSQL: claims, slots, records, migrations, and outages."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import watching
from advised import follow
from databases import Postgres, needs_postgres, postgres
from homes import WD, Done, Home, surroundings
from hosts import Fleet, fleet_in, needed
from pages import page_of
from support import alive, connects, free_port, wait_for

pytest.importorskip("sqlalchemy", reason="needs the extra store")
pytest.importorskip("alembic", reason="needs the extra store")

from sqlalchemy import Connection, text

from watchdog.model.incident import Trigger
from watchdog.store import leases, schema, tables
from watchdog.store.store import Lost, Store

pytestmark = [needs_postgres, pytest.mark.timeout(300)]
WAITS = "```wd timeout=60s on-fail=stop\nexec -- sleep 2\n```\n"
LONG = "```wd timeout=60s on-fail=stop\nexec -- sleep 9\n```\n"
NUMBERS = count()
Deliver = Callable[[dict[str, Any]], tuple[int, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """Not below pytest's own folder: the next pytest on this machine closes that to other accounts."""
    with tempfile.TemporaryDirectory(prefix="wd-postgres-") as folder, postgres(Path(folder)) as made:
        yield made


@pytest.fixture
def empty(server: Postgres) -> str:
    return server.database(f"wd{next(NUMBERS)}")


@pytest.fixture
def where(empty: str) -> str:
    """The address of a store with all tables."""
    Store(empty).do(schema.upgrade)
    return empty


def rows(where: str, question: str) -> list[tuple[Any, ...]]:
    store = Store(where)
    try:
        return [tuple(row) for row in store.do(lambda c: c.execute(text(question)).all())]
    finally:
        store.close()


def home_of(folder: Path, where: str) -> Home:
    folder.mkdir(mode=0o700)
    made = Home(folder)
    made.runbook("bring-back", WAITS)
    (folder / "store.yml").write_text(f"store: {where}\n")
    (folder / "playbooks" / "shop.yml").write_text(
        json.dumps(
            {
                "service": "shop",
                "find": {"port": 1},
                "policy": {"mode": "act"},
                "start": {"command": ["true"]},
                "triggers": [{"on": "alert", "run": "bring-back"}],
            }
        )
    )
    return made


def test_of_two_controllers_that_an_alert_calls_one_takes_it_in_200_tries(folder: Path, where: str) -> None:
    homes = [home_of(folder / name, where) for name in ("one", "two")]
    with ExitStack() as stack, ThreadPoolExecutor(2) as both:
        browsers = [stack.enter_context(alert_sender(home)) for home in homes]
        for number in range(200):
            together = threading.Barrier(2)

            def send(browser: Deliver, number: int = number, together: threading.Barrier = together) -> str:
                one = {
                    "status": "firing", "labels": {"service": "shop"}, "fingerprint": f"f{number}",
                    "startsAt": datetime.now(UTC).isoformat(),
                }  # fmt: skip
                together.wait(60)
                status, outcome = browser(one)
                assert status == 202, outcome
                return outcome

            assert sorted(both.map(send, browsers)) == ["claimed", "known"], number
    kept = []
    for home in homes:
        with home.journal() as journal:
            kept += [one.fingerprint for one in journal.alerts(1000)]
    assert sorted(kept) == sorted(f"f{number}" for number in range(200)), "each in one journal, so it has one run"


ALERTMANAGER = shutil.which("prometheus-alertmanager")


@pytest.mark.skipif(ALERTMANAGER is None, reason="needs Debian's prometheus-alertmanager")
def test_of_two_controllers_that_a_real_alertmanager_calls_one_takes_each_of_200_alerts(
    folder: Path, where: str
) -> None:
    homes = [home_of(folder / name, where) for name in ("one", "two")]
    with ExitStack() as stack:
        pages = [(stack.enter_context(page_of(home)).port, token_file(home)) for home in homes]
        address = stack.enter_context(alertmanager(folder, pages))
        labels = [{"alertname": "ServiceDown", "service": "shop", "number": str(number)} for number in range(200)]
        body = json.dumps([{"labels": one} for one in labels]).encode()
        asked = urllib.request.Request(f"{address}/api/v2/alerts", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(asked, timeout=30).close()
        wait_for(lambda: len(taken(homes)) >= 200, "all of them were taken", 100)
        wait_for(lambda: answered_well(address) >= 400, "each controller has answered each time", 100)
    kept = taken(homes)
    assert len(kept) == len(set(kept)) == 200, "each in one journal, so it has one run"
    assert rows(where, "SELECT count(*), count(DISTINCT fingerprint) FROM alerts") == [(200, 200)]


def token_file(home: Home) -> Path:
    assert home.wd("web", "--add-token", "am").code == 0
    return home.folder / "logs" / "web-token-am"


@contextmanager
def alertmanager(folder: Path, pages: Sequence[tuple[int, Path]]) -> Iterator[str]:
    """Debian's program, which calls each of these pages about each alert. Gives its own address."""
    port = free_port()
    called = [
        {
            "url": f"http://127.0.0.1:{page}/v1/alerts",
            "http_config": {"authorization": {"credentials_file": str(token)}},
        }
        for page, token in pages
    ]
    route = {
        "receiver": "both",
        "group_by": ["..."],
        "group_wait": "0s",
        "group_interval": "1s",
        "repeat_interval": "4h",
    }
    (folder / "am.json").write_text(
        json.dumps({"route": route, "receivers": [{"name": "both", "webhook_configs": called}]})
    )
    words = [
        str(ALERTMANAGER), f"--config.file={folder}/am.json", f"--storage.path={folder}/am",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ]  # fmt: skip
    with (folder / "am.log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(lambda: connects(port), "it listens", 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(30)


def taken(homes: Sequence[Home]) -> list[str]:
    found = []
    for home in homes:
        with home.journal() as journal:
            found += [one.fingerprint for one in journal.alerts(1000)]
    return found


def answered_well(address: str) -> float:
    """How many calls of Alertmanager have come back and were answered well."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=30) as reply:
        lines = reply.read().decode().splitlines()
    told = {name: sum(float(one.rpartition(" ")[2]) for one in lines if _counts(one, name)) for name in _CALLS}
    return told["notification_latency_seconds_count"] - told["notification_requests_failed_total"]


_CALLS = ("notification_latency_seconds_count", "notification_requests_failed_total")


def _counts(line: str, name: str) -> bool:
    return line.startswith(f"alertmanager_{name}{{") and 'integration="webhook"' in line


STALLS = """
CREATE FUNCTION stall() RETURNS trigger AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$ LANGUAGE plpgsql;
CREATE TRIGGER stall BEFORE UPDATE ON alerts FOR EACH ROW WHEN (NEW.kept AND NOT OLD.kept) EXECUTE FUNCTION stall();
"""


def change(where: str, statement: str) -> None:
    store = Store(where)
    try:
        store.do(lambda c: c.execute(text(statement)))
    finally:
        store.close()


@pytest.mark.parametrize(("again", "confirmed"), [("one", False), ("two", False), ("two", True)])
def test_an_alert_runs_once_although_the_store_dies_between_its_claim_and_the_confirmation(
    folder: Path, server: Postgres, where: str, again: str, *, confirmed: bool
) -> None:
    """`again` is called first once the store is back. `confirmed`: only the store's answer is lost."""
    homes = {name: home_of(folder / name, where) for name in ("one", "two")}
    now = datetime.now(UTC).isoformat()
    body = {"status": "firing", "labels": {"service": "shop"}, "fingerprint": "f", "startsAt": now}
    with ExitStack() as stack, ThreadPoolExecutor(1) as beside:
        pages = {name: stack.enter_context(alert_sender(home)) for name, home in homes.items()}
        change(where, STALLS)
        first = beside.submit(pages["one"], body)
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        wait_for(lambda: rows(where, asleep) == [(1,)], "the confirmation is under way", 60)
        server.stop()
        try:
            assert first.result(60)[0] == 503
            for home in homes.values():
                home.wd("tick")
            with homes["one"].journal() as journal:
                assert [one.confirmed for one in journal.waiting_alerts()] == [False]
            assert [home.incidents() for home in homes.values()] == [[], []], "nobody acts without a word of the store"
        finally:
            server.start()
        change(where, "DROP FUNCTION stall CASCADE")
        change(where, f"UPDATE alerts SET kept = {confirmed}, claimed = claimed - interval '1 minute'")
        assert rows(where, "SELECT count(*) FROM alerts") == [(1,)]
        order = [again, *(name for name in homes if name != again)]
        assert [pages[name](body)[0] for name in order] == [202, 202]
        for name in order:
            homes[name].wd("tick")
    expected = "two" if again == "two" and not confirmed else "one"
    assert {name: runs_or_will_run(home) for name, home in homes.items()} == {"one": 0, "two": 0} | {expected: 1}


def runs_or_will_run(home: Home) -> int:
    """On a machine that is starved, a pass leaves what it may run to the next one."""
    with home.journal() as journal:
        return len(home.incidents()) + sum(one.confirmed for one in journal.waiting_alerts())


@contextmanager
def alert_sender(home: Home) -> Iterator[Deliver]:
    """Delivers an alert to the page of this home, as Alertmanager does. Gives the status and what became of it."""
    with page_of(home) as page:
        assert home.wd("web", "--add-token", "am").code == 0
        token = (home.folder / "logs" / "web-token-am").read_text().strip()
        browser = page.browser(Authorization=f"Bearer {token}")

        def send(alert: dict[str, Any]) -> tuple[int, str]:
            told = browser.ask(
                "POST", "/v1/alerts", json.dumps({"alerts": [alert]}), {"Content-Type": "application/json"}
            )
            return told.status, told.json["alerts"][0]["outcome"] if told.status == 202 else told.text

        yield send


def test_never_more_than_the_limit_hold_a_slot(where: str) -> None:
    one = Store(where)
    assert [one.do(lambda c, name=name: leases.take(c, "other", name, 3, 60.0)) for name in "abcda"] == [
        True, True, True, False, True,
    ]  # fmt: skip
    one.do(lambda c: leases.give_back(c, "other", "b"))
    assert one.do(lambda c: leases.take(c, "other", "d", 3, 60.0))
    stores = [Store(where) for _ in range(3)]
    inside, most = set[str](), []
    counting = threading.Lock()

    def work(number: int) -> None:
        store, holder = stores[number % 3], f"host {number}"
        wait_for(lambda: store.do(lambda c: leases.take(c, "fleet", holder, 3, 60.0)), "a slot", 60)
        with counting:
            inside.add(holder)
            most.append(len(inside))
        time.sleep(0.01)
        with counting:
            inside.discard(holder)
        store.do(lambda c: leases.give_back(c, "fleet", holder))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(60)))
    assert len(most) == 60
    assert max(most) <= 3
    assert rows(where, "SELECT holder FROM slots ORDER BY holder") == [("a",), ("c",), ("d",)]


@pytest.fixture
def fleets(folder: Path) -> Iterator[Callable[[str, str], Fleet]]:
    with ExitStack() as stack:

        def make(name: str, where: str) -> Fleet:
            (folder / name).mkdir(mode=0o700)
            made = stack.enter_context(fleet_in(folder / name))
            (made.home / "store.yml").write_text(f"store: {where}\n")
            return made

        yield make


@needed
def test_the_slots_of_a_killed_controller_are_free_within_their_lease(
    fleets: Callable[[str, str], Fleet], where: str
) -> None:
    one, two = fleets("one", where), fleets("two", where)
    one.shop("a").runbook("test", LONG)
    two.shop("b").runbook("test", WAITS)
    words = ("run", "test", "--service", "shop", "--limit-of-all", "1", "--lease", "3s", "-o", "json")
    first = one.begin(*words, "--id", "first", "--deadline", "10s")
    wait_for(lambda: "sleep" in one.output("a", "first") or first.poll() is not None, "the first has begun", 60)
    assert first.poll() is None, first.communicate()[0]
    second = two.begin(*words, "--id", "second")
    assert second.stdout
    for line in second.stdout:
        if "waits, 1 at a time" in line:
            break
    assert two.output("b", "second") == "", "the other controller holds the only slot"
    assert rows(where, "SELECT holder FROM slots") == [("first/a",)]
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate(timeout=30)
    out, _ = second.communicate(timeout=100)
    assert second.returncode == 0, out
    assert rows(where, "SELECT run, host, stage FROM host_runs") == [("second", "b", "ok")]
    assert rows(where, "SELECT holder FROM slots WHERE until > now()") == []


@needed
def test_a_store_that_stops_during_a_run_loses_nothing(
    fleets: Callable[[str, str], Fleet], server: Postgres, where: str
) -> None:
    fleet = fleets("fleet", where)
    for name in ("a", "b"):
        fleet.shop(name).runbook("test", WAITS)
    words = ("run", "test", "--service", "shop", "--limit-of-all", "5", "--batch", "1", "--id", "night", "-o", "json")
    controller = fleet.begin(*words)
    wait_for(lambda: "sleep" in fleet.output("a", "night") or controller.poll() is not None, "it has begun", 60)
    assert controller.poll() is None, controller.communicate()[0]
    server.stop()
    try:
        assert controller.stdout
        for line in controller.stdout:
            if "night/b: waits" in line:
                break
        assert fleet.shops["b"].incidents() == [], "without a store nobody knows how many are at work"
    finally:
        server.start()
    out, _ = controller.communicate(timeout=100)
    assert controller.returncode == 0, out
    assert rows(where, "SELECT host, stage FROM host_runs ORDER BY host") == [("a", "ok"), ("b", "ok")]
    found = rows(where, "SELECT host, run, outcome, record->>'incident' = id FROM incidents ORDER BY host")
    assert found == [("a", "night", "done", True), ("b", "night", "done", True)]
    again = at_home(fleet, "fleet", "store", "forward")
    assert again.code == 0, again.err
    assert len(rows(where, "SELECT * FROM incidents")) == 2, "nothing is doubled"


def at_home(fleet: Fleet, *words: str) -> Done:
    """A command of the controller that asks no host."""
    argv = [*WD, "--home", str(fleet.home), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100, env=surroundings(), check=False)
    return Done(done.returncode, done.stdout, done.stderr)


@needed
def test_a_run_whose_store_is_down_is_sent_later_by_the_printed_command(
    fleets: Callable[[str, str], Fleet], server: Postgres, where: str
) -> None:
    fleet = fleets("fleet", where)
    fleet.shop("a").runbook("test", WAITS)
    server.stop()
    try:
        done = fleet.wd("run", "test", "--service", "shop", "--id", "night")
    finally:
        server.start()
    assert done.code == 0, "the run needs no store"
    assert "is not in the shared store yet" in done.err
    (advised,) = follow(done.err, lambda *words: at_home(fleet, *words))
    assert advised == f"wd --home {fleet.home} fleet store forward"
    assert rows(where, "SELECT host, stage FROM host_runs") == [("a", "ok")]
    assert rows(where, "SELECT host, run FROM incidents") == [("a", "night")]


def test_incidents_wait_in_sqlite_while_the_store_is_down_and_are_sent_once(
    folder: Path, server: Postgres, where: str
) -> None:
    home = home_of(folder / "home", where)
    server.stop()
    try:
        with home.journal() as journal:
            made = [journal.open_incident("shop", "test", Trigger("person", "by hand", "kim")) for _ in range(3)]
            for one in made:
                journal.close(one.id, "recovered")
        down = home.wd("fleet", "store", "forward")
        assert down.code == 3
        assert "does not answer" in down.err
    finally:
        server.start()
    assert home.wd("fleet", "store", "forward", "-o", "json").last["incidents"] == 3
    assert home.wd("fleet", "store", "forward", "-o", "json").last["incidents"] == 0
    with home.journal() as journal:
        journal.update(made[0].id, root_cause="a lock")
    assert home.wd("fleet", "store", "forward", "-o", "json").last["incidents"] == 1
    assert sorted(rows(where, "SELECT id FROM incidents")) == sorted((one.id,) for one in made)
    shown = home.wd("fleet", "store", "show", "-o", "json")
    assert {row["id"] for row in shown.rows} == {one.id for one in made}


def test_the_loop_sends_what_it_cured_while_the_store_was_down_once_the_store_is_back(
    folder: Path, server: Postgres, where: str
) -> None:
    with watching.home_in(folder) as home:
        (folder / "store.yml").write_text(f"store: {where}\n")
        shop = home.service()
        before = shop.start()
        server.stop()
        try:
            daemon = home.watch()
            shop.tell("hang")
            wait_for(lambda: not alive(before), "the hung server is ended", 90)
            shop.tell("hang", None)
            daemon.hears("bring-back: recovered", 90)
            daemon.hears("incidents are kept here and sent later")
        finally:
            server.start()
        (incident,) = home.incidents()
        kept = "SELECT id, outcome FROM incidents"
        wait_for(lambda: rows(where, kept) == [(incident["incident"], "recovered")], "the store has it", 60)


def test_the_page_shows_the_hosts_of_the_store_and_which_of_them_are_silent(folder: Path, where: str) -> None:
    with watching.home_in(folder) as home:
        home.service().start()
        with page_of(home) as page:
            browser = page.browser()
            assert 'href="/fleet"' not in browser.get("/").text
            assert browser.get("/fleet").status == 400
            (folder / "store.yml").write_text(f"store: {where}\n")
            change(where, "INSERT INTO loops VALUES ('x:/logs', 'x', now() - interval '10 minutes', '[]')")
            begun = f"'night', 'web1', {time.time()}, 'unreachable', '<b>lost</b>'"
            change(where, f"INSERT INTO host_runs (run, host, begun, stage, text) VALUES ({begun})")
            home.watch()
            wait_for(lambda: rows(where, "SELECT count(*) FROM loops") == [(2,)], "the loop is heard", 60)
            assert 'href="/fleet"' in browser.get("/").text
            shown = browser.get("/fleet")
        assert shown.status == 200, shown.text
        assert "Hosts: 3, in trouble: 1, silent: 1" in shown.text
        assert "not heard for 10m" in shown.text
        assert "&lt;b&gt;lost&lt;/b&gt;" in shown.text
        assert re.search(r"heard [\d.]+m?s ago", shown.text), "the loop that runs"


def test_the_first_schema_with_data_is_upgraded_and_ends_as_the_code_expects(empty: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    first, other = Store(empty), Store(empty)
    first.do(lambda c: schema.upgrade(c, "0001"))
    first.do(
        lambda c: c.execute(
            text(
                "INSERT INTO incidents (node, id, opened, service, record) VALUES ('n', 'i', 1.5, 'shop', '{\"a\": 1}')"
            )
        )
    )
    first.do(lambda c: c.execute(text("INSERT INTO alerts (fingerprint, starts, holder) VALUES ('f', 1.5, 'h')")))
    with ThreadPoolExecutor(2) as both:
        before = sorted(both.map(lambda store: store.do(schema.upgrade), (first, other)))
    assert before == ["0001", schema.NEWEST], "two controllers may upgrade at the same time"
    assert rows(empty, "SELECT node, id, service, record->>'a', run FROM incidents") == [("n", "i", "shop", "1", "")]
    assert rows(empty, "SELECT fingerprint, kept FROM alerts") == [("f", False)]

    def difference(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), tables.METADATA))

    assert first.do(difference) == []


def test_a_store_without_tables_says_how_they_are_made(folder: Path, empty: str) -> None:
    home = home_of(folder / "home", empty)
    done = home.wd("fleet", "store", "show")
    assert done.code == 3
    assert follow(done.err, home.wd) == ["wd fleet store upgrade"]
    assert home.wd("fleet", "store", "show").code == 0


def test_a_store_that_refuses_is_not_said_to_be_silent(where: str) -> None:
    with pytest.raises(Lost, match="refused what was sent") as refusal:
        Store(where).do(lambda connection: connection.execute(text("SELECT 1/0")))
    assert refusal.value.why == "division by zero"
