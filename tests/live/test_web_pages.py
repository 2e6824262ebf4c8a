"""The page shows what `wd status` and the journal know, in the same words; what a person adds stands in the report."""

from __future__ import annotations

import json
import re
import time
from html import unescape
from pathlib import Path

import pytest
from pages import Browser, page_of
from support import wait_for
from watching import Home

from watchdog.model.finding import Culprit, Finding
from watchdog.model.incident import Trigger
from watchdog.model.probing import Sample


def words(html: str) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def hung_incident(home: Home, service: str = "shop") -> str:
    """One in the journal, with a cause and evidence."""
    with home.journal() as journal:
        found = journal.open_incident(service, "bring-back", Trigger("probe", "health: no answer", "wd watch"))
        evidence = Path(found.folder) / "evidence"
        evidence.mkdir(parents=True, mode=0o700)
        (evidence / "stacks.json").write_text('{"threads": 2}')
        (evidence / "secret.txt").write_text("not named by the manifest")
        artifact = {"kind": "stacks", "path": "stacks.json", "sha256": "ab", "bytes": 14, "seconds": 0.1}
        (evidence / "manifest.json").write_text(json.dumps({"artifacts": [artifact]}))
        culprit = Culprit("/srv/shop.py", 30, "pay", "with lock:")
        journal.begin_step(found.id, 1, "kill", "kill --grace 2s")
        journal.end_step(found.id, 1, "ok", "ended pid 4242", seconds=0.5)
        finding = Finding("lock-deadlock", "certain", "two threads wait", culprit=culprit).record()
        journal.close(
            found.id, "recovered", cause="lock-deadlock", signature="s1", finding=finding, downtime=12.5,
            down_since=found.opened - 12.5,
        )  # fmt: skip
    return found.id


def test_now_says_the_same_words_as_wd_status(home: Home) -> None:
    good, bad = home.service("cart"), home.service("shop")
    good.start()
    bad.start()
    bad.playbook["policy"]["mode"] = "observe"
    bad.write()
    bad.tell("down")
    home.watch()
    wait_for(lambda: "failed" in home.wd("status").out, "the status knows", 60)
    with page_of(home) as page:
        browser = page.browser()
        shown = words(browser.get("/").text)
        rows = {row["service"]: row for row in home.wd("status", "-o", "json").rows}
        assert "2 services, the worst is failed" in shown
        assert shown.index("shop") < shown.index("cart"), "the worst stands first"
        assert rows["shop"]["message"] in shown
        assert home.wd("status", "-o", "json").last["worst"] == "failed"
        part = browser.get("/now/services").text
        seen = re.search(r"seen=(\w+)", part)
        assert seen
        bad.tell("down", None)
        wait_for(lambda: "the worst is ok" in words(browser.get("/now/services").text), "it is well on the page", 30)


def test_a_page_that_is_open_is_sent_nothing_while_nothing_changes(home: Home) -> None:
    home.service()
    with page_of(home) as page:
        browser = page.browser()
        seen = re.search(r"seen=(\w+)", browser.get("/now/services").text)
        assert seen
        assert browser.get(f"/now/services?seen={seen[1]}").status == 204
        assert browser.get("/now/services?seen=other").status == 200


def test_the_page_of_a_service_says_what_the_policy_does(home: Home) -> None:
    home.service()
    with page_of(home) as page:
        shown = words(page.browser().get("/services/shop").text)
    for line in home.wd("explain", "shop").out.splitlines():
        assert " ".join(line.split()) in shown
    assert "nobody checks it" in shown


def test_the_page_of_a_service_has_a_curve_of_its_memory_and_of_its_cpu(home: Home) -> None:
    shop = home.service()
    shop.playbook["probes"] |= {"size": {"memory": "1GB"}, "work": {"cpu": "90%"}}
    shop.write()
    now = time.time()
    with home.journal() as journal:
        for ago in (30.0, 20.0, 10.0):
            size = Sample("size", now - ago, "ok", 0.0, "48 MiB", 5e7, "B")
            journal.add_samples({"shop": [size, Sample("work", now - ago, "ok", 0.0, "uses 12 %", 12.0, "%")]})
    with page_of(home) as page:
        shown = page.browser().get("/services/shop").text
    plots = [json.loads(unescape(one)) for one in re.findall(r"data-plot='([^']+)'", shown)]
    assert [values for _, values in plots] == [[5e7] * 3, [12.0] * 3]
    assert re.findall(r'data-unit="([^"]+)"', shown) == ["B", "%"]


def test_an_incident_is_the_report_with_its_runbook_and_its_evidence(home: Home) -> None:
    home.service()
    name = hung_incident(home)
    with page_of(home) as page:
        browser = page.browser()
        shown = words(browser.get(f"/incidents/{name}").text)
        for text in ("shop: recovered", "lock-deadlock", "/srv/shop.py:30", "kill --grace 2s ok", "Bring back"):
            assert text in shown, shown
        kept = browser.get(f"/incidents/{name}/evidence/evidence/stacks.json")
        assert (kept.text, kept.headers["content-type"]) == ('{"threads": 2}', "text/plain; charset=utf-8")
        for path in ("evidence/secret.txt", "../../journal.db", "..%2f..%2fjournal.db", "evidence/../../../journal.db"):
            assert browser.get(f"/incidents/{name}/evidence/{path}").status == 404
        assert browser.get("/incidents/last").status == 404, "a page is no place for guesses"


def test_an_incident_under_way_shows_each_step_of_its_runbook_as_it_comes(home: Home) -> None:
    shop = home.service()
    shop.start()
    shop.tell("load", 3)
    with page_of(home) as page:
        browser = page.browser()
        run = home.begin("run", "bring-back", "--service", "shop", "--yes")

        def body() -> str:
            with home.journal() as journal:
                found = journal.incidents(limit=1)
            return words(browser.get(f"/incidents/{found[0].id}/body").text) if found else ""

        wait_for(lambda: "under way" in body() and "verify --healthy 1 --within 30s waiting" in body(), "it runs", 60)
        run.communicate(timeout=120)
        wait_for(lambda: "shop: recovered" in body(), "the report", 30)
        assert "hx-trigger" not in browser.get(f"/incidents/{home.incidents()[0]['incident']}/body").text


def test_what_a_person_adds_on_the_page_stands_in_the_report(home: Home) -> None:
    home.service()
    name = hung_incident(home)
    with page_of(home) as page:
        browser = page.browser()
        key = browser.get(f"/incidents/{name}").form_key
        form = {"form_key": key, "root_cause": "two locks in two orders", "fix": "", "text": "<b>seen before</b>"}
        assert browser.post(f"/incidents/{name}/note", form).status == 303
        shown = browser.get(f"/incidents/{name}").text
    assert "two locks in two orders" in shown
    assert "&lt;b&gt;seen before&lt;/b&gt;" in shown
    told = home.wd("incidents", "show", name, "-o", "json").last
    assert told["root_cause"] == "two locks in two orders"
    assert "(page, from 127.0.0.1)" in told["notes"][0]["by"]


def test_history_lists_troubles_by_service_and_outcome(home: Home) -> None:
    home.service()
    first, second = hung_incident(home), hung_incident(home, "cart")
    with page_of(home) as page:
        browser = page.browser()
        everything = browser.get("/history").text
        assert first in everything
        assert second in everything
        only = browser.get("/history?service=cart&outcome=recovered&since=7d").text
        assert f'href="/incidents/{second}">' in only.partition('<h2 id="list-title">')[2]
        assert f'href="/incidents/{first}">' not in only.partition('<h2 id="list-title">')[2]
        assert "None." in browser.get("/history?outcome=failed").text


def test_a_second_trouble_says_how_it_compares_with_the_first(home: Home) -> None:
    home.service()
    hung_incident(home)
    second = hung_incident(home)
    with page_of(home) as page:
        assert "same cause and line" in words(page.browser().get(f"/incidents/{second}").text)


def test_two_incidents_stand_side_by_side_and_what_differs_is_said(home: Home) -> None:
    home.service()
    first, second = hung_incident(home), hung_incident(home)
    with home.journal() as journal:
        journal.update(second, request="GET /pay?user=7 <b>", changed="shop.py")
    with page_of(home) as page:
        browser = page.browser()
        where = f"/incidents/{second}/compare/{first}"
        assert f'href="{where}"' in browser.get(f"/incidents/{second}").text
        shown = browser.get(where)
        told = words(shown.text)
        assert "same cause and line" in told and "Line /srv/shop.py:30 /srv/shop.py:30 same" in told
        assert "Input not known GET /pay?user=7 <b> different" in told and "<b>" not in shown.text
        assert browser.get(f"/incidents/{second}/compare/nothing").status == 404
        assert told == words(browser.get(f"/incidents/{first}/compare/{second}").text), "the earlier one stands first"


def test_a_playbook_with_a_mistake_is_named_and_hides_no_other(home: Home) -> None:
    home.service()
    broken = home.folder / "playbooks" / "broken.yml"
    broken.write_text("service: broken\nwrong: 1\n")
    broken.chmod(0o600)
    with page_of(home) as page:
        shown = words(page.browser().get("/").text)
    assert "broken.yml has mistakes" in shown
    assert "1 service, the worst is unknown" in shown


def test_a_hung_server_without_a_playbook_is_found(home: Home) -> None:
    shop = home.service()
    pid = shop.start()
    shop.file.unlink()
    shop.tell("hang")
    with page_of(home) as page:
        browser: Browser = page.browser()
        wait_for(lambda: f"pid {pid}" in words(browser.get("/now/others").text), "it is on the page", 90)
        assert f"wd why :{shop.port}" in words(browser.get("/now/others").text)


@pytest.mark.parametrize("path", ["/nothing", "/services/nothing", "/incidents/nothing", "/static/nothing.js"])
def test_what_is_not_there_is_said_in_words(home: Home, path: str) -> None:
    with page_of(home) as page:
        reply = page.browser().get(path)
    assert reply.status == 404
    assert "there is no" in reply.text


def test_a_hung_server_that_has_a_playbook_is_not_listed_twice(home: Home) -> None:
    shop = home.service()
    shop.start()
    shop.tell("hang")
    with page_of(home) as page:
        assert f":{shop.port}" not in words(page.browser().get("/now/others").text)
