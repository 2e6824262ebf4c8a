"""The list on the page Now is drawn by whoever takes the look; a visitor gets what is there."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from watchdog.commands.standing import Standing
from watchdog.model.incident import Desired
from watchdog.model.playbook import Playbook
from watchdog.model.selector import Selector
from watchdog.system import clock
from watchdog.text.language import speaking
from watchdog.web import service_list
from watchdog.web.looks import Look
from watchdog.web.service_list import ServiceList

SHOP = Standing(Playbook("shop", Selector(port=1)), "ok", 1.0, "", None, Desired(), "", (), (), ())
FIRST = Look(1.0, (SHOP,))
SECOND = Look(2.0, (replace(SHOP, state="failed"),))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that drew a row."""
    names: list[str] = []
    real = service_list.look.part

    def noted(name: str, **values: object) -> str:
        if name == "now_row.html.j2":
            names.append(threading.current_thread().name)
        return real(name, **values)

    monkeypatch.setattr(service_list.look, "part", noted)
    return names


def test_a_visitor_draws_only_what_nobody_has_watched_before(drawn: list[str]) -> None:
    shown = ServiceList()
    assert "the worst is ok" in shown.of(FIRST).summary
    beside = threading.Thread(target=shown.prepare, args=(SECOND,), name="beside")
    beside.start()
    beside.join()
    assert "the worst is failed" in shown.of(SECOND).summary
    assert drawn == [threading.current_thread().name, "beside"]


def test_while_the_new_list_is_drawn_a_visitor_gets_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, begun, may_end = ServiceList(), threading.Event(), threading.Event()
    before = shown.of(FIRST)
    real = shown._draw

    def slow(found: Look) -> service_list.Drawn:
        begun.set()
        may_end.wait(30)
        return real(found)

    monkeypatch.setattr(shown, "_draw", slow)
    beside = threading.Thread(target=shown.prepare, args=(SECOND,))
    beside.start()
    assert begun.wait(30)
    assert shown.of(FIRST) is before
    may_end.set()
    beside.join()
    assert shown.of(FIRST).look is SECOND, "a newer one is there by now"


def test_it_is_drawn_in_the_languages_that_somebody_watches(drawn: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown, at = ServiceList(), 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: at)
    with speaking("ja"):
        shown.of(FIRST)
    at += 60.0
    shown.of(FIRST)
    drawn.clear()
    shown.prepare(SECOND)
    assert len(drawn) == 1
    with speaking("ja"):
        assert "1" in shown.of(SECOND).summary
    assert len(drawn) == 2, "whoever comes back in Japanese gets it, too"
