"""Incidents are troubles; what people did is a log beside them; the page of an incident opens in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Shop, shop_in
from support import alive

from watchdog.model.incident import Trigger

pytestmark = pytest.mark.live


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def recorded(shop: Shop, kind: str, outcome: str, runbook: str = "frozen-server", **fields: object) -> str:
    with shop.journal() as journal:
        incident = journal.open_incident("shop", runbook, Trigger(kind, "health", "wd watch"))
        journal.update(incident.id, **fields)
        journal.close(incident.id, outcome)
    return incident.id


def test_what_a_person_does_by_hand_is_in_the_log_and_not_an_incident(shop: Shop) -> None:
    assert shop.wd("start", "shop").code == 0
    assert shop.wd("kill", "--cmdline", "no-such-program-anywhere").code == 4
    assert shop.wd("stop", "shop", "--yes").code == 0
    assert shop.wd("incidents", "list").code == 4
    listed = shop.wd("incidents", "log")
    assert listed.code == 0
    lines = listed.out.splitlines()
    assert len(lines) >= 2 and "stop shop --yes" in lines[0] and "start shop" in lines[-1]
    assert shop.copies() == []


@pytest.mark.parametrize(
    ("kind", "outcome", "runbook", "fields", "is_trouble"),
    [
        ("probe", "recovered", "frozen-server", {}, True),
        ("death", "refused", "frozen-server", {}, True),
        ("cron", "done", "nightly-check", {}, False),
        ("cron", "failed", "nightly-check", {}, True),
        ("person", "refused", "frozen-server", {}, False),
        ("person", "recovered", "frozen-server", {"old_pids": [1]}, True),
        ("person", "done", "kill", {"old_pids": [1]}, False),
    ],
)
def test_a_trouble_is_in_the_list_and_all_else_in_the_log(
    shop: Shop, kind: str, outcome: str, runbook: str, fields: dict[str, object], is_trouble: bool
) -> None:
    name = recorded(shop, kind, outcome, runbook, **fields)
    assert (name in shop.wd("incidents", "list").out) is is_trouble
    assert (name in shop.wd("incidents", "log").out) is not is_trouble
    assert name in shop.wd("incidents", "list", "--all").out


def test_the_page_is_written_if_it_is_missing_and_its_path_printed_without_a_display(shop: Shop) -> None:
    name = recorded(shop, "probe", "recovered")
    recorded(shop, "person", "done", "start")
    done = shop.wd("incidents", "open", env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    page, note = done.out.splitlines()
    assert done.code == 0 and Path(page).is_file() and Path(page).parent.name == name
    assert note.startswith("no browser can be opened here")


def test_the_page_opens_in_the_browser_of_the_person(shop: Shop, tmp_path: Path) -> None:
    recorded(shop, "probe", "recovered")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/shown\n', encoding="utf-8")
    browser.chmod(0o755)
    done = shop.wd("incidents", "open", "-o", "json", env={"DISPLAY": ":0", "BROWSER": f"{browser} %s"})
    assert done.code == 0 and done.last["opened"] is True
    assert (tmp_path / "shown").read_text() == Path(done.last["page"]).as_uri()


def test_the_terminal_names_the_page_after_a_run_and_the_printed_command_works(shop: Shop) -> None:
    with shop.server(hung=True) as old:
        done = shop.wd("run", "short", "--service", "shop", "--yes")
        assert done.code == 0 and not alive(old.pid), done.err
    (line,) = [line for line in done.out.splitlines() if line.startswith("page: ")]
    words = line.removeprefix("page:").split()
    assert words[:3] == ["wd", "incidents", "open"]
    opened = shop.wd(*words[1:], env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    assert opened.code == 0 and opened.out.splitlines()[0].endswith("report.html")


def test_the_page_draws_who_waits_for_whom_and_the_log_with_the_moment(shop: Shop) -> None:
    log = shop.folder / "shop.log"
    log.write_text("2020-01-01 00:00:00 started\n2099-01-01 00:00:00 after the hang\n")
    shop.playbook(more="logs: [shop.log]\n")
    with shop.server(hung=True):
        assert shop.wd("run", "frozen-server", "--service", "shop", "--yes", "--set", "evidence=3s").code == 0
    report = Path(shop.wd("incidents", "report").out.split()[-1]).with_suffix(".html").read_text(encoding="utf-8")
    assert '<svg class="waits circle"' in report, "the server's thread waits for a lock that it holds itself"
    assert "which it holds itself" in report and "moody.py:" in report
    before, _, after = report.partition("the trouble begins")
    assert "2020-01-01 00:00:00 started" in before and "2099-01-01 00:00:00 after the hang" in after
