"""Alerts of Alertmanager: one outage is one run, however often it is delivered and whoever is killed meanwhile."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from pages import Browser, Page, Reply, page_of
from support import alive, wait_for
from watching import Home, Service

from watchdog.model.incident import Trigger


def token(home: Home, name: str = "alertmanager") -> str:
    assert home.wd("web", "--add-token", name).code == 0
    path = home.folder / "logs" / f"web-token-{name}"
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_text().strip()


def caller(home: Home, page: Page) -> Browser:
    return page.browser(Authorization=f"Bearer {token(home)}")


def alert(service: str = "shop", begin: float | None = None, **more: Any) -> dict[str, Any]:
    starts = datetime.fromtimestamp(begin or time.time(), UTC).isoformat()
    labels = {"alertname": "ShopDown", "service": service, **more.pop("labels", {})}
    return {
        "status": "firing", "labels": labels, "annotations": {"summary": "no answer"}, "startsAt": starts,
        "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "f1", **more,
    }  # fmt: skip


def send(browser: Browser, *alerts: dict[str, Any]) -> Reply:
    body = {"version": "4", "groupKey": "{}", "status": "firing", "receiver": "wd", "alerts": alerts}
    return browser.ask("POST", "/v1/alerts", json.dumps(body), {"Content-Type": "application/json"})


def alerted(home: Home) -> Service:
    """A service whose own probes start nothing."""
    shop = home.service()
    shop.playbook["triggers"] = [{"on": "alert", "run": "bring-back"}]
    shop.write()
    return shop


def outcomes(home: Home) -> list[str]:
    return [one["outcome"] for one in home.incidents()]


def test_one_outage_that_is_delivered_27_times_is_one_run(home: Home) -> None:
    shop = alerted(home)
    before = shop.start()
    with page_of(home) as page:
        browser = caller(home, page)
        daemon = home.watch()
        shop.tell("hang")
        one = alert()
        told = [send(browser, one) for _ in range(5)]
        assert [reply.status for reply in told] == [202] * 5
        assert told[0].json["alerts"][0]["outcome"] == "claimed"
        assert told[0].json["loop"] is True
        assert [reply.json["alerts"][0]["outcome"] for reply in told[1:]] == ["known"] * 4
        wait_for(lambda: not alive(before), "the hung server is ended", 60)
        shop.tell("hang", None)
        for _ in range(11):
            assert send(browser, one).status == 202
        wait_for(lambda: outcomes(home) == ["recovered"], "it is back", 60)
        for _ in range(11):
            assert send(browser, one).json["alerts"][0]["outcome"] == "known"
        again = browser.get("/v1/status")
        daemon.hears("bring-back: recovered")
        wait_for(lambda: "ok" in home.wd("status").out, "the probes say so too", 30)
    assert again.status == 200
    assert outcomes(home) == ["recovered"]
    shown = home.wd("incidents", "show", "-o", "json").last
    assert shown["trigger"] == {"kind": "alert", "detail": "ShopDown: no answer", "by": "alertmanager"}
    assert shown["downtime"] is not None


def test_a_later_outage_with_the_same_labels_is_another_run(home: Home) -> None:
    shop = alerted(home)
    shop.start()
    with page_of(home) as page:
        browser = caller(home, page)
        home.watch()
        send(browser, alert())
        wait_for(lambda: outcomes(home) == ["recovered"], "the first run", 60)
        resolved = send(browser, alert(status="resolved"))
        assert (resolved.status, resolved.json["alerts"][0]["outcome"]) == (202, "resolved")
        assert send(browser, alert()).json["alerts"][0]["outcome"] == "claimed"
        wait_for(lambda: outcomes(home) == ["recovered"] * 2, "the second run", 60)


def test_what_the_loop_has_cured_since_the_alert_began_is_not_restarted_again(home: Home) -> None:
    shop = alerted(home)
    pid = shop.start()
    begin = time.time() - 60
    with home.journal() as journal:
        cured = journal.open_incident("shop", "bring-back", Trigger("probe", "health", "wd watch"))
        journal.close(cured.id, "recovered")
    with page_of(home) as page:
        daemon = home.watch()
        assert send(caller(home, page), alert(begin=begin)).status == 202
        daemon.hears(f"needs no run: {cured.id} has brought it back since")
    assert alive(pid)
    assert len(outcomes(home)) == 1


def test_an_alert_that_was_taken_is_acted_on_after_kill_9_of_everybody(home: Home) -> None:
    shop = alerted(home)
    before = shop.start()
    with page_of(home) as page:
        reply = send(caller(home, page), alert())
        assert (reply.status, reply.json["loop"]) == (202, False)
        page.process.kill()
        page.process.wait(20)
    assert alive(before), "nobody has acted yet"
    daemon = home.watch()
    daemon.hears("ShopDown: no answer")
    daemon.process.kill()
    daemon.process.wait(30)
    home.watch()
    wait_for(lambda: shop.pid() not in (0, before), "the server was started again", 60)
    wait_for(lambda: "running" not in outcomes(home), "no run is open", 30)
    assert len(shop.starts()) == 2, "it was started again, and once"


def test_a_run_for_an_alert_that_was_cut_off_is_made_again_while_the_server_is_in_trouble(home: Home) -> None:
    shop = alerted(home)
    before = shop.start()
    shop.tell("hang")
    cut_off(home)
    home.watch()
    wait_for(lambda: not alive(before), "the hung server is ended", 60)
    shop.tell("hang", None)
    wait_for(lambda: outcomes(home) == ["recovered", "interrupted"], "it is back", 60)


def test_a_run_for_an_alert_that_was_cut_off_is_not_made_again_when_the_server_answers(home: Home) -> None:
    shop = alerted(home)
    pid = shop.start()
    cut_off(home)
    home.watch().hears("was cut off, and the server answers again")
    assert alive(pid)
    assert outcomes(home) == ["interrupted"]


def test_an_alert_that_begins_just_after_a_run_was_cut_off_does_not_end_a_server_that_answers(home: Home) -> None:
    shop = alerted(home)
    pid = shop.start()
    cut_off(home)
    with page_of(home) as page:
        assert send(caller(home, page), alert(fingerprint="f2")).status == 202
        with home.journal() as journal:
            assert len(journal.waiting_alerts()) == 2
        home.watch()
        wait_for(lambda: not waiting(home), "both alerts are decided", 60)
    assert alive(pid)
    assert outcomes(home) == ["interrupted"]


def waiting(home: Home) -> int:
    with home.journal() as journal:
        return len(journal.waiting_alerts())


def cut_off(home: Home) -> None:
    """An alert whose run has ended with the wd that made it."""
    with page_of(home) as page:
        assert send(caller(home, page), alert()).status == 202
    with home.journal() as journal:
        cause = Trigger("alert", "ShopDown", alert=journal.alerts()[0].id)
        journal.close(journal.open_incident("shop", "bring-back", cause).id, "interrupted")


def test_a_pass_acts_on_alerts_too(home: Home) -> None:
    shop = alerted(home)
    before = shop.start()
    with page_of(home) as page:
        assert send(caller(home, page), alert()).status == 202
    home.wd("tick")
    assert shop.pid() not in (0, before)
    assert outcomes(home) == ["recovered"]
    home.wd("tick")
    assert outcomes(home) == ["recovered"]


def test_the_policy_binds_alerts_too(home: Home) -> None:
    shop = alerted(home)
    shop.playbook["policy"]["mode"] = "observe"
    shop.write()
    before = shop.start()
    with page_of(home) as page:
        daemon = home.watch()
        assert send(caller(home, page), alert()).status == 202
        daemon.hears("would run bring-back")
    assert alive(before)
    assert outcomes(home) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("nonsense", "not JSON"),
        ("[]", "not an object"),
        ("{}", "alerts is not a list"),
        ('{"alerts": []}', "alerts is empty"),
        ('{"alerts": [1]}', "alerts[0] is not an object"),
        ('{"alerts": [{"status": "burning"}]}', ".status"),
        ('{"alerts": [{"status": "firing", "labels": {"a": 1}}]}', ".labels"),
        ('{"alerts": [{"status": "firing", "labels": {}, "startsAt": "yesterday"}]}', ".startsAt"),
        (json.dumps({"alerts": [alert("nobody")]}), "there is no service 'nobody'"),
        (json.dumps({"alerts": [alert("cart")]}), "no trigger `on: alert`"),
        (json.dumps({"alerts": [alert(labels={"runbook": "rm"})]}), "names the runbook 'rm'"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_nonsense_is_400_with_its_place(home: Home, body: str, why: str) -> None:
    alerted(home)
    home.service("cart")
    with page_of(home) as page:
        reply = caller(home, page).ask("POST", "/v1/alerts", body, {"Content-Type": "application/json"})
    assert reply.status == 400
    assert why in json.dumps(reply.json["error"], ensure_ascii=False).replace('\\"', '"')


def test_one_alert_that_is_not_for_us_loses_no_other(home: Home) -> None:
    alerted(home)
    with page_of(home) as page:
        reply = send(caller(home, page), alert("nobody", fingerprint="f2"), alert())
    assert reply.status == 202
    assert [one["outcome"] for one in reply.json["alerts"]] == ["ignored", "claimed"]


def test_without_the_right_token_nothing_is_taken(home: Home) -> None:
    alerted(home)
    good = token(home)
    with page_of(home) as page:
        for given in ("", "Bearer", "Bearer wrong", f"Bearer {good}x", f"Basic {good}"):
            browser = page.browser(**({"Authorization": given} if given else {}))
            assert send(browser, alert()).status in (401, 403), given
        browser = page.browser(Authorization=f"Bearer {good}")
        assert browser.get("/v1/status").status == 200
        assert browser.get("/").status == 403, "a token is for programs"
        assert home.wd("web", "--remove-user", "alertmanager").code == 0
        assert send(browser, alert()).status == 401
    with home.journal() as journal:
        assert journal.alerts() == ()
    assert good not in (home.folder / "logs" / "web-users.json").read_text()


def test_a_store_that_takes_nothing_is_503_and_nothing_is_said_to_be_taken(home: Home) -> None:
    alerted(home)
    good = token(home)
    (home.folder / "logs" / "journal.db").unlink(missing_ok=True)
    (home.folder / "logs" / "journal.db").mkdir()
    with page_of(home) as page:
        browser = page.browser(Authorization=f"Bearer {good}")
        assert send(browser, alert()).status == 503
        (home.folder / "logs" / "journal.db").rmdir()
        assert send(browser, alert()).status == 202, "it is tried again"
    with home.journal() as journal:
        assert [one.service for one in journal.alerts()] == ["shop"]
