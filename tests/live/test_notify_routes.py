"""People are notified of the beginning of a trouble and of its end, through channels that take the message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import watching
from advised import follow
from channels import Channels, channels_in
from homes import Shop, shop_in
from support import free_port, wait_for

from watchdog.system.host import messages

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not messages.can_send(), reason="Apprise is not installed (the extra `notify`)"),
]
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
PAGERDUTY = "pagerduty://IntegrationKey@ApiKey?action=map"
TEAMS = "workflows://prod.westus.logic.azure.com:443/WFID/SIGNATURE/"


@pytest.fixture
def channels(tmp_path: Path) -> Iterator[Channels]:
    with channels_in(tmp_path) as made:
        yield made


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def test_a_message_arrives_in_slack_teams_pagerduty_ntfy_a_webhook_and_as_mail(shop: Shop, channels: Channels) -> None:
    mail = f"mailto://127.0.0.1:{channels.mail.server_address[1]}?from=wd@example.org&to=kim@example.org"
    plain = [f"ntfy://127.0.0.1:{channels.port}/shop-topic", f"json://127.0.0.1:{channels.port}/hook", mail]
    shop.playbook(more=f"notify: {json.dumps([SLACK, TEAMS, PAGERDUTY, *plain])}\n")
    done = shop.wd("notify", "--service", "shop", "it hangs in pay()", env=channels.environment())
    assert done.code == 0 and "notified 6 receivers" in done.out, done.out + done.err
    told = {host: json.dumps(body) for host, _path, body in channels.got}
    assert set(told) == {"hooks.slack.com", "prod.westus.logic.azure.com", "events.pagerduty.com", "127.0.0.1"}
    for host, _path, body in channels.got:
        assert "it hangs in pay()" in json.dumps(body), host
    (event,) = channels.bodies("/v2/enqueue")
    assert event["event_action"] == "trigger" and event["payload"]["severity"] == "critical"
    over = shop.wd("notify", "--service", "shop", "--severity", "info", "it is back", env=channels.environment())
    assert over.code == 0
    *_, end = channels.bodies("/v2/enqueue")
    assert end["event_action"] == "resolve" and end["dedup_key"] == event["dedup_key"]
    assert len(channels.mails) == 2 and "it hangs in pay()" in channels.mails[0]


def test_a_channel_that_fails_is_tried_again_and_then_the_next_one_takes_the_message(
    shop: Shop, channels: Channels
) -> None:
    channels.refused.add("/broken")
    addresses = [f"json://127.0.0.1:{channels.port}{path}" for path in ("/broken", "/good", "/unused")]
    night = {"to": f"json://127.0.0.1:{channels.port}/info", "severity": "info"}
    critical = {"to": addresses, "severity": "critical"}
    shop.playbook(more=f"notify: {json.dumps([critical, night])}\n")
    done = shop.wd("notify", "--service", "shop", "help", "-o", "json")
    assert done.code == 0, done.out
    tries = [row["ok"] for row in done.last["receivers"]]
    assert sorted(tries) == [False, False, True, True]
    assert sorted(path for _host, path, _body in channels.got) == ["/good", "/info"]
    assert shop.wd("notify", "--service", "shop", "--severity", "warning", "wait").code == 0
    assert [path for _host, path, _body in channels.got][2:] == ["/info"]


def test_where_no_channel_takes_it_the_result_names_each_one(shop: Shop) -> None:
    shop.playbook(more=f"notify: ['json://127.0.0.1:{free_port()}/', 'json://127.0.0.1:{free_port()}/']\n")
    done = shop.wd("notify", "--service", "shop", "help")
    assert done.code == 2 and done.out.count("did not take it") == 2


def test_a_hang_gives_a_message_with_cause_line_and_link_when_it_is_over(folder: Path, channels: Channels) -> None:
    with watching.home_in(folder) as home:
        watching.reported_hang(home, channels, "recovered")
        follow(channels.bodies()[-1]["message"], home.wd)
        (incident,) = home.incidents()
    *begun, end = channels.bodies()
    assert len(begun) <= 1, "one message about the beginning at most: it is left out where the end is known already"
    assert all("shop: health:" in one["message"] for one in begun)
    assert end["title"] == "wd: shop" and end["type"] == "success"
    words = end["message"]
    assert "cause: " in words and "fickle.py:" in words and "done: ended pid" in words
    assert f"wd incidents show {incident['incident']}" in words


def test_many_services_that_fail_at_once_are_one_message(folder: Path, channels: Channels) -> None:
    with watching.home_in(folder) as home:
        for name in ("shop", "cart", "mail", "stock"):
            service = home.service(name)
            service.playbook["policy"] |= {"mode": "observe"}
            service.playbook["notify"] = [f"json://127.0.0.1:{channels.port}/hook"]
            service.write()
        home.wd("tick")
        (told,) = channels.bodies()
        assert told["title"] == "wd: 4 services"
        assert all(
            f"- {name}: nothing of it runs; would run bring-back" in told["message"] for name in ("shop", "mail")
        )
        home.wd("tick")
        assert len(channels.bodies()) == 1, "it is reported once"
        for service in home.services:
            service.start()
        wait_for(lambda: home.wd("tick").code == 0 and len(channels.bodies()) > 1, "its end is reported", 60)
        assert channels.bodies()[1]["title"] == "wd: 4 services" and "is well again" in channels.bodies()[1]["message"]
