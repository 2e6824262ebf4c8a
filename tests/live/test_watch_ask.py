"""The mode `ask`, at a real terminal: nothing is done to a server without a yes, and nobody is asked twice."""

from __future__ import annotations

import os
import signal

import pytest
from support import alive, free_port, wait_for
from terminals import terminal
from watching import Home, Service

QUESTION = "run bring-back on it? [y/N]"


def asked_service(home: Home, within: str = "1h") -> Service:
    shop = home.service()
    shop.playbook["policy"] |= {"mode": "ask", "answer_within": within}
    shop.write()
    return shop


def test_a_yes_brings_the_server_back(home: Home) -> None:
    shop = asked_service(home)
    before = shop.start()
    with terminal(home.folder, "watch") as screen:
        screen.shows("watching 1 service")
        shop.tell("down")
        screen.shows(QUESTION)
        assert "shop: health: answers 503" in screen.shown
        shop.tell("down", None)
        shop.tell("hang")
        assert alive(before), "nothing is done before the answer"
        screen.type("y\n")
        wait_for(lambda: not alive(before), "the hung server is ended", 60)
        shop.tell("hang", None)
        screen.shows("bring-back: recovered")
    assert shop.pid() not in (0, before)
    assert [one["outcome"] for one in home.incidents()] == ["recovered"]


@pytest.mark.parametrize("typed", ["n\n", "\n", "what?\n", "\x04"])
def test_anything_but_a_yes_is_a_no_and_the_question_comes_once(home: Home, typed: str) -> None:
    shop = asked_service(home)
    before = shop.start()
    with terminal(home.folder, "watch") as screen:
        screen.shows("watching 1 service")
        shop.tell("down")
        screen.shows(QUESTION)
        screen.type(typed)
        screen.shows("at the terminal said no: nothing is done; `wd run bring-back --service shop` does it")
        shop.tell("down", None)
        screen.shows("health: recovered")
        assert screen.shown.count(QUESTION) == 1
        shop.tell("down")  # new trouble is a new question
        wait_for(lambda: screen.shown.count(QUESTION) == 2, "it asks about the new trouble", 60)
    assert shop.starts() == [before]
    assert home.incidents() == []


def test_no_answer_in_time_is_a_no_and_an_answer_that_comes_too_late_is_none(home: Home) -> None:
    shop = asked_service(home, within="1s")
    before = shop.start()
    with terminal(home.folder, "watch") as screen:
        screen.resize(30, 200)  # the question is one line there
        screen.shows("watching 1 service")
        screen.type("y\n")  # typed before there was a question
        shop.tell("down")
        screen.shows("(no answer within 1s is a no)")
        screen.shows("nobody answered within 1s: nothing is done; `wd run bring-back --service shop` does it")
        screen.type("y\n")
        shop.tell("down", None)
        screen.shows("health: recovered")
    assert shop.starts() == [before]
    assert home.incidents() == []


def test_a_question_is_withdrawn_when_the_server_answers_again(home: Home) -> None:
    shop = asked_service(home)
    before = shop.start()
    with terminal(home.folder, "watch") as screen:
        screen.shows("watching 1 service")
        shop.tell("down")
        screen.shows(QUESTION)
        shop.tell("down", None)
        screen.shows("the question is withdrawn")
        screen.type("y\n")
        shop.tell("slow", 0.1)
        screen.type("y\n")
    assert shop.starts() == [before]
    assert home.incidents() == []


def test_two_services_are_asked_about_one_after_the_other(home: Home) -> None:
    services = [asked_service(home)]
    services.append(home.service("cart"))
    services[1].playbook["policy"] |= {"mode": "ask"}
    services[1].write()
    before = [service.start() for service in services]
    with terminal(home.folder, "watch") as screen:
        screen.shows("watching 2 services")
        services[0].tell("down")
        screen.shows(f"shop: health: answers 503 (2 failures in a row): {QUESTION}")
        services[1].tell("down")
        wait_for(lambda: screen.shown.count("asks whether to run bring-back") == 2, "both are in trouble", 60)
        assert screen.shown.count(QUESTION) == 1
        screen.type("n\n")
        screen.shows(f"cart: health: answers 503 (2 failures in a row): {QUESTION}")
        assert all(alive(pid) for pid in before)


def test_a_pass_at_a_terminal_asks_too(home: Home) -> None:
    shop = asked_service(home)
    before = shop.start()
    shop.tell("down")
    wait_for(lambda: home.wd("tick").code == 2, "it is in trouble", 60)
    with terminal(home.folder, "tick") as screen:
        screen.shows(QUESTION)
        shop.tell("down", None)
        screen.type("y\n")
        screen.process.wait(120)
    assert shop.pid() not in (0, before)


def test_in_the_background_of_a_shell_it_is_told_which_command_does_it(home: Home) -> None:
    """There a look at the keyboard would stop the whole loop."""
    shop = asked_service(home)
    before = shop.start()
    shell = ("/bin/sh", "-c", 'set -m; "$@" & echo "as $!"; wait', "sh")
    with terminal(home.folder, "watch", through=shell) as screen:
        screen.shows("watching 1 service")
        try:
            shop.tell("down")
            screen.shows("nobody can be asked here (no terminal)")
            shop.tell("down", None)
            screen.shows("health: recovered")
            assert QUESTION not in screen.shown
            assert shop.starts() == [before]
        finally:
            os.kill(int(screen.shown.partition("as ")[2].split()[0]), signal.SIGTERM)


def test_without_a_terminal_it_is_told_which_command_does_it_and_a_person_is_called_once(home: Home) -> None:
    shop = asked_service(home)
    shop.playbook["notify"] = [f"json://127.0.0.1:{free_port()}/"]  # where nobody listens
    shop.write()
    before = shop.start()
    shop.tell("down")
    daemon = home.watch()
    daemon.hears("nobody can be asked here (no terminal): nothing is done; `wd run bring-back --service shop` does it")
    daemon.hears("nobody was notified")
    daemon.stop()
    again = home.watch()
    again.hears("nobody can be asked here")
    again.stop()
    assert "nobody was notified" not in again.said
    assert shop.starts() == [before]


def test_an_open_question_stands_in_the_status_until_the_trouble_is_over(home: Home) -> None:
    shop = asked_service(home)
    shop.start()
    shop.tell("down")
    daemon = home.watch()
    daemon.hears("nobody can be asked here (no terminal)")
    line = home.wd("status").out
    assert "ASKS: health: " in line and "`wd run bring-back --service shop`" in line
    assert "run bring-back? " in home.wd("status", "shop").out
    daemon.stop()
    again = home.watch()
    again.hears("nobody can be asked here")
    assert "ASKS: " in home.wd("status").out, "also after a restart of the loop"
    shop.tell("down", None)
    wait_for(lambda: "ASKS: " not in home.wd("status").out, "it is over", 60)
