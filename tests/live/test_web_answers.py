"""`mode: ask` from bed: a question is answered on the page, by a link or by `wd yes`; the report says who said yes."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from collections.abc import Iterator

import pytest
from pages import Browser, Page, page_of
from support import alive, wait_for
from test_web_pages import words
from watching import Home, Service

ASKED = "nobody can be asked here (no terminal)"


class Channel:
    """A receiver of messages: the plain webhook of Apprise."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        channel = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                channel.messages.append(self.rfile.read(size).decode())
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"json://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def link(self) -> str:
        """The way of the link in the last message."""
        found = [text for text in self.messages if "/yes/" in text]
        return re.search(r"https?://[^/]+(/yes/[\w/-]+)", found[-1])[1] if found else ""  # type: ignore[index]


@pytest.fixture
def channel() -> Iterator[Channel]:
    made = Channel()
    yield made
    made.close()


def asked_service(home: Home, channel: Channel | None = None, within: str = "1h") -> Service:
    shop = home.service()
    shop.playbook["policy"] |= {"mode": "ask", "answer_within": within}
    if channel:
        shop.playbook["notify"] = [channel.address]
    shop.write()
    return shop


@contextlib.contextmanager
def question(home: Home, shop: Service, channel: Channel | None = None) -> Iterator[tuple[Page, int]]:
    """A hung server that nothing is done to yet: (the page, its pid)."""
    before = shop.start()
    with page_of(home) as page:
        daemon = home.watch()
        shop.tell("hang")
        daemon.hears(ASKED)
        if channel:
            wait_for(channel.link, "the message", 30)
        assert alive(before)
        yield page, before
        assert daemon.process.poll() is None


def approval(home: Home) -> str:
    """The id of what is asked now."""
    with home.journal() as journal:
        found = journal.questions()
    return found[0].id if found else ""


def is_back(home: Home, shop: Service, before: int) -> None:
    wait_for(lambda: not alive(before), "the hung server is ended", 60)
    shop.tell("hang", None)
    wait_for(lambda: [one["outcome"] for one in home.incidents()] == ["recovered"], "it is back", 60)


def agreed_by(home: Home) -> str:
    return str(home.wd("incidents", "show", "-o", "json").last["agreed_by"])


def test_a_yes_on_the_page_brings_the_server_back_and_the_report_says_whose_it_was(home: Home) -> None:
    shop = asked_service(home)
    with question(home, shop) as (page, before):
        browser = page.browser()
        wait_for(lambda: "ASKS: " in words(browser.get("/").text), "the page asks", 30)
        where = f"/questions/{approval(home)}"
        assert f'href="{where}"' in browser.get("/").text
        shown = browser.get(where)
        assert "shop: health: " in words(shown.text)
        assert "kill --grace 2s" in words(shown.text), "it says what a yes runs"
        assert browser.post(where, {"form_key": shown.form_key, "answer": "yes"}).status == 303
        is_back(home, shop, before)
        assert "(page, from 127.0.0.1) said yes" in words(browser.get(where).text)
        name = home.incidents()[0]["incident"]
        assert "Allowed by" in words(browser.get(f"/incidents/{name}").text)
    assert "(page, from 127.0.0.1) at 2" in agreed_by(home)
    assert "Allowed by" in home.wd("incidents", "show").out


def test_a_link_in_the_message_is_good_for_one_answer_without_a_sign_in(home: Home, channel: Channel) -> None:
    shop = asked_service(home, channel)
    with question(home, shop, channel) as (page, before):
        link = channel.link()
        phone = Browser(page.port)
        for _ in range(3):  # programs fetch the links of a message ahead
            assert phone.get(link).status == 200
        assert alive(before), "looking decides nothing"
        assert phone.post(link, {"answer": "yes", "name": "kim"}).status == 303
        again = phone.post(link, {"answer": "no", "name": "thief"})
        assert again.status == 409
        assert "(link, from 127.0.0.1) said yes" in words(again.text)
        is_back(home, shop, before)
        assert 'value="yes"' not in phone.get(link).text
    assert "(link, from 127.0.0.1) at 2" in agreed_by(home)
    assert link.rpartition("/")[2] not in (home.folder / "logs" / "watch.log").read_text()
    assert link.rpartition("/")[2].encode() not in (home.folder / "logs" / "journal.db").read_bytes()


def test_a_no_leaves_it_alone_and_a_later_yes_does_not_count(home: Home) -> None:
    shop = asked_service(home)
    with question(home, shop) as (page, before):
        browser, where = page.browser(), f"/questions/{approval(home)}"
        key = browser.get(where).form_key
        assert browser.post(where, {"form_key": key, "answer": "no"}).status == 303
        assert browser.post(where, {"form_key": key, "answer": "yes"}).status == 409
        assert home.wd("yes", "shop").code == 4
        wait_for(lambda: "ASKS: " not in home.wd("status").out, "it is answered", 30)
        assert alive(before)
    assert home.incidents() == []


def test_a_link_with_a_wrong_key_tells_nothing_and_ends_after_five(home: Home, channel: Channel) -> None:
    shop = asked_service(home, channel)
    with question(home, shop, channel) as (page, before):
        link, phone = channel.link(), Browser(page.port)
        wrong = [f"{link[:-1]}x" if link[-1] != "x" else f"{link[:-1]}y", "/yes/000000000000/abc"]
        answers = {phone.post(one, {"answer": "yes"}).text for one in wrong}
        assert len(answers) == 1, "the same words for a wrong key and an unknown question"
        statuses = [phone.get(f"{link}{number}").status for number in range(6)]
        assert statuses == [404] * 3 + [429] * 3
        assert alive(before)


def test_a_question_ends_when_its_time_is_over_and_its_link_with_it(home: Home, channel: Channel) -> None:
    shop = asked_service(home, channel, within="3s")
    with question(home, shop, channel) as (page, before):
        link, phone = channel.link(), Browser(page.port)
        wait_for(lambda: "its time is over" in words(phone.get(link).text), "it is late", 30)
        assert phone.post(link, {"answer": "yes"}).status == 409
        assert alive(before)
    assert home.incidents() == []


def test_a_question_ends_when_the_server_is_well_again(home: Home, channel: Channel) -> None:
    shop = asked_service(home, channel)
    with question(home, shop, channel) as (page, before):
        link, phone = channel.link(), Browser(page.port)
        shop.tell("hang", None)
        wait_for(lambda: "the trouble is over" in words(phone.get(link).text), "it is withdrawn", 30)
        assert phone.post(link, {"answer": "yes"}).status == 409
        assert alive(before)
    assert home.incidents() == []


def test_wd_yes_answers_from_another_terminal(home: Home) -> None:
    shop = asked_service(home)
    with question(home, shop) as (_page, before):
        done = home.wd("yes", "shop", "-o", "json")
        assert (done.code, done.last["answer"], done.last["runbook"]) == (0, "yes", "bring-back")
        is_back(home, shop, before)
    assert home.wd("yes").code == 4


def test_a_question_outlives_the_loop_and_the_page(home: Home, channel: Channel) -> None:
    """kill -9 of both; the link of the old message still answers, and nobody is called twice."""
    shop = asked_service(home, channel)
    before = shop.start()
    with page_of(home) as page:
        daemon = home.watch()
        shop.tell("hang")
        daemon.hears(ASKED)
        wait_for(channel.link, "the message", 30)
        daemon.process.kill()
        daemon.process.wait(30)
        page.process.kill()
    asked = approval(home)
    with page_of(home) as page:
        assert Browser(page.port).post(channel.link(), {"answer": "yes", "name": "kim"}).status == 303
        home.watch()
        is_back(home, shop, before)
    assert len([one for one in channel.messages if "may not act" in one]) == 1
    with home.journal() as journal:
        assert journal.approval(asked).used  # type: ignore[union-attr]


def test_a_pass_without_a_terminal_leaves_the_question_open_for_the_next_one(home: Home) -> None:
    shop = asked_service(home)
    before = shop.start()
    shop.tell("hang")
    wait_for(lambda: home.wd("tick").code == 2 and bool(approval(home)), "it asks", 60)
    assert home.wd("tick").code == 2
    assert alive(before)
    assert home.wd("yes", "shop").code == 0
    shop.tell("load", None)
    run = home.begin("tick")
    wait_for(lambda: not alive(before), "the next pass does it", 60)
    shop.tell("hang", None)
    run.communicate(timeout=120)
    assert [one["outcome"] for one in home.incidents()] == ["recovered"]


def test_whoever_may_only_look_cannot_answer(home: Home) -> None:
    from test_web_safety import behind, guarded, sign_in

    shop = asked_service(home)
    before = shop.start()
    with guarded(home) as page:
        daemon = home.watch()
        shop.tell("hang")
        daemon.hears(ASKED)
        browser, where = behind(page), f"/questions/{approval(home)}"
        sign_in(browser, "lee")
        assert "You may look" in words(browser.get(where).text)
        assert browser.post(where, {"answer": "yes"}).status == 403
        assert browser.post(where, {"answer": "yes", "form_key": "0" * 64}).status == 403
        assert alive(before)
