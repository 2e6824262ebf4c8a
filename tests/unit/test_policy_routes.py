"""A message takes the routes for its severity and the hour, and what needs a person always takes one."""

from __future__ import annotations

from datetime import datetime

import pytest

from watchdog.model.routes import Hours, Message, Route, Severity
from watchdog.policy.routes import chosen
from watchdog.system.host.messages import Delivery, Sent
from watchdog.watch.messenger import Messenger, joined

DAY, NIGHT = Hours(8 * 60, 18 * 60, (0, 1, 2, 3, 4)), Hours(22 * 60, 6 * 60, (4,))
CHAT, PHONE = Route(("chat://",)), Route(("phone://",), "critical")


@pytest.mark.parametrize(("severity", "routes"), [("info", [CHAT]), ("warning", [CHAT]), ("critical", [CHAT, PHONE])])
def test_a_route_takes_its_severity_and_what_is_worse(severity: Severity, routes: list[Route]) -> None:
    assert list(chosen((CHAT, PHONE), severity, datetime(2026, 1, 5, 12))) == routes


@pytest.mark.parametrize(
    ("hours", "when", "is_open"),
    [
        (DAY, datetime(2026, 1, 5, 8, 0), True),  # a Monday
        (DAY, datetime(2026, 1, 5, 18, 0), False),
        (DAY, datetime(2026, 1, 10, 12, 0), False),
        (NIGHT, datetime(2026, 1, 9, 23, 0), True),  # a Friday
        (NIGHT, datetime(2026, 1, 10, 5, 59), True),
        (NIGHT, datetime(2026, 1, 10, 6, 0), False),
        (NIGHT, datetime(2026, 1, 10, 23, 0), False),
        (NIGHT, datetime(2026, 1, 9, 5, 0), False),
    ],
)
def test_a_route_is_open_in_its_hours_also_over_midnight(hours: Hours, when: datetime, is_open: bool) -> None:
    route = Route(("chat://",), "info", (hours,))
    assert bool(chosen((route,), "warning", when)) is is_open


def test_what_needs_a_person_takes_every_route_rather_than_none() -> None:
    route = Route(("chat://",), "info", (DAY,))
    assert chosen((route,), "critical", datetime(2026, 1, 5, 3)) == (route,)
    assert chosen((), "critical", datetime(2026, 1, 5, 3)) == ()


def told(service: str, severity: Severity = "warning", line: str = "") -> Message:
    return Message(service, severity, line or f"{service} hangs")


def test_two_services_are_two_messages_and_three_are_one_with_the_worst_severity() -> None:
    assert joined([told("a"), told("b")], "") == (told("a"), told("b"))
    (one,) = joined([told("a"), told("b", "critical"), told("c", "info")], "http://page")
    assert (one.title, one.severity) == ("wd: 3 services", "critical")
    assert one.text.splitlines()[1:] == ["- a hangs", "- b hangs", "- c hangs", "http://page"]


def test_of_one_service_the_last_word_counts() -> None:
    assert joined([told("a"), told("a", "info", "a is back")], "") == (told("a", "info", "a is back"),)


class Post:
    """Takes messages, or not."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.works = True

    def send(self, routes: object, title: str, body: str, severity: str) -> tuple[Delivery, ...]:
        if self.works:
            self.sent.append(body)
        return (Delivery((Sent("chat://…", self.works, "" if self.works else "it is down"),)),)


def test_a_message_that_nobody_took_is_sent_later_unless_there_is_a_newer_one() -> None:
    post, said = Post(), list[str]()
    messenger = Messenger(lambda text, level: said.append(text), send=post.send)
    post.works = False
    messenger.tell([CHAT], told("a"))
    (again,) = messenger.send_now()
    assert post.sent == [] and said == ["message about a: chat://… it is down"]
    post.works = True
    messenger.put_back(again)
    assert messenger.send_now() == [] and post.sent == ["a hangs"]
    messenger.tell([CHAT], told("a", "info", "a is back"))
    messenger.put_back(again)
    messenger.send_now()
    assert post.sent == ["a hangs", "a is back"]


def test_a_route_that_takes_nothing_is_given_up_after_a_while() -> None:
    post = Post()
    post.works = False
    messenger = Messenger(send=post.send)
    messenger.tell([CHAT], told("a"))
    tries = 0
    while waiting := messenger.send_now():
        tries += 1
        for one in waiting:
            messenger.put_back(one)
    assert tries == 9
