"""Forty attacks on the page by way of a browser, one a row: none of them does anything, and none learns anything."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from pages import Browser, Page, page_of
from watching import Home

from watchdog.model.approval import Approval
from watchdog.model.incident import Trigger
from watchdog.system import clock

SECRET = "the-cash-register"  # the name of the service: who is refused must not learn it
SCRIPT = "<script>alert(1)</script>"
BREAKS_OUT = '"><img src=x onerror=alert(1)>'
TOKEN, OTHER, USED = "k" * 32, "o" * 32, "u" * 32
EVIL = {"Origin": "https://evil.example"}


@dataclass
class Target:
    """A page with an incident and two open questions; and what an attacker wants to change."""

    home: Home
    page: Page
    incident: str
    key: str  # of the forms of `victim`
    victim: Browser  # a browser in which a person works

    def note(self, form: dict[str, str], headers: dict[str, str] | None = None, browser: Browser | None = None) -> str:
        where = f"/incidents/{self.incident}/note"
        return (browser or self.victim).post(where, {"fix": "by a stranger", **form}, headers).text

    def link(self, key: str, headers: dict[str, str] | None = None, method: str = "POST", question: str = "q1") -> str:
        browser = Browser(self.page.port)
        where = f"/yes/{question}/{key}"
        if method != "POST":
            return browser.ask(method, where, headers=headers).text
        return browser.post(where, {"answer": "yes"}, headers).text

    def raw(self, text: str) -> str:
        """Bytes as no browser would send them."""
        with socket.create_connection(("127.0.0.1", self.page.port), timeout=20) as wire:
            wire.sendall(text.replace("\n", "\r\n").encode())
            wire.settimeout(20)
            return b"".join(iter(lambda: wire.recv(65536), b"")).decode("utf-8", "replace")

    def is_untouched(self) -> bool:
        with self.home.journal() as journal:
            found = journal.incident(self.incident)
            asked = [journal.approval(one) for one in ("q1", "q2", "q3")]
        return (found.fix, found.notes) == ("", ()) and [one and one.answer for one in asked] == ["", "", "no"]


Attack = Callable[[Target], str]


def asks_as(host: str, path: str = "/") -> Attack:
    return lambda it: Browser(it.page.port, headers={"Host": host}).get(path).text


def posts(form: dict[str, str], headers: dict[str, str] | None = None, own_key: bool = True) -> Attack:
    return lambda it: it.note({**({"form_key": it.key} if own_key else {}), **form}, headers)


def asks(path: str) -> Attack:
    """In a browser that may see the page."""
    return lambda it: it.victim.get(path.format(incident=it.incident)).text.replace(it.incident, "")


def posts_a_body(kind: str, body: str) -> Attack:
    def attack(it: Target) -> str:
        text = body.replace("KEY", it.key)
        return it.victim.ask("POST", f"/incidents/{it.incident}/note", text, {"Content-Type": kind}).text

    return attack


def a_key_of_another_browser(it: Target) -> str:
    other = it.page.browser()
    key = other.get(f"/incidents/{it.incident}").form_key
    return it.note({"form_key": key})


def a_key_in_the_address(it: Target) -> str:
    return it.victim.get(f"/incidents/{it.incident}/note?fix=x&form_key={it.key}").text


def another_method_by_header(it: Target) -> str:
    headers = {"X-HTTP-Method-Override": "POST"}
    return it.victim.get(f"/incidents/{it.incident}/note?fix=x&form_key={it.key}", headers).text


def framed(path: str) -> Attack:
    """Gives the secret if a browser would show the page in a frame of another site."""

    def attack(it: Target) -> str:
        headers = it.victim.get(path.format(incident=it.incident, token=TOKEN)).headers
        refused = "frame-ancestors 'none'" in headers["content-security-policy"]
        return "" if refused and headers["x-frame-options"] == "DENY" else SECRET

    return attack


def a_read_from_another_site(it: Target) -> str:
    """A browser hands the answer to a stranger's script only with this header."""
    headers = it.victim.get("/v1/status", EVIL).headers
    return SECRET if any(name.startswith("access-control") for name in headers) else ""


def a_question_ahead_of_a_post(it: Target) -> str:
    headers = it.victim.ask("OPTIONS", f"/incidents/{it.incident}/note", headers=EVIL).headers
    return SECRET if any(name.startswith("access-control") for name in headers) else ""


def a_redirect(to: str) -> Attack:
    """Gives the secret if the sign-in would lead a person to another site."""

    def attack(it: Target) -> str:
        reply = it.page.browser().get(f"/sign-in?next={quote(to)}")
        return SECRET if "evil" in reply.text or "evil" in str(reply.headers) else ""

    return attack


def two_hosts(it: Target) -> str:
    return it.raw(f"GET / HTTP/1.1\nHost: 127.0.0.1:{it.page.port}\nHost: evil.example\nConnection: close\n\n")


def a_second_request_in_a_body(it: Target) -> str:
    inner = f"POST /incidents/{it.incident}/note HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 5\n\nfix=x"
    head = f"POST /sign-in HTTP/1.1\nHost: 127.0.0.1:{it.page.port}\nContent-Length: 4\nTransfer-Encoding: chunked\n"
    return it.raw(f"{head}Connection: close\n\n0\n\n{inner}")


ATTACKS: dict[str, Attack] = {
    # A name of a stranger that leads to this machine (DNS rebinding), and other false names.
    "host: a stranger's": asks_as("evil.example"),
    "host: ours as its beginning": asks_as("127.0.0.1.evil.example", "/history"),
    "host: localhost as its beginning": asks_as("localhost.evil", "/v1/status"),
    "host: none": asks_as("", "/v1/incidents"),
    "host: behind brackets": asks_as("[::1]evil"),
    "host: with a blank": asks_as("a b"),
    "host: with a name before it": asks_as("evil@127.0.0.1"),
    "host: two of them": two_hosts,
    # A page of another site, in the browser of a person who works here.
    "post: from another origin": posts({}, EVIL),
    "post: from a sandboxed frame": posts({}, {"Origin": "null"}),
    "post: cross-site": posts({}, {"Sec-Fetch-Site": "cross-site"}),
    "post: from a neighbour of the site": posts({}, {"Sec-Fetch-Site": "same-site"}),
    "post: from another port": posts({}, {"Origin": "http://127.0.0.1:1"}),
    "post: without a key": posts({}, own_key=False),
    "post: with the key of another browser": a_key_of_another_browser,
    "post: as plain text": posts_a_body("text/plain", "fix=x&form_key=KEY"),
    "post: as JSON": posts_a_body("application/json", '{"fix": "x", "form_key": "KEY"}'),
    "get: that would write": a_key_in_the_address,
    "get: as another method": another_method_by_header,
    "read: by a script of another site": a_read_from_another_site,
    "read: asked ahead": a_question_ahead_of_a_post,
    "request in a request": a_second_request_in_a_body,
    # The page in a frame of another site, under a click of a person.
    "frame: the page Now": framed("/"),
    "frame: an incident": framed("/incidents/{incident}"),
    "frame: the link of a question": framed("/yes/q1/{token}"),
    # The link of a notification.
    "link: fetched ahead": lambda it: it.link(TOKEN, method="HEAD"),
    "link: used before, by its owner": lambda it: it.link(USED, question="q3").replace(SECRET, ""),  # it may look
    "link: with a wrong key": lambda it: it.link("w" * 32),
    "link: with the key of another question": lambda it: it.link(OTHER),
    "link: posted by another site": lambda it: it.link(TOKEN, EVIL),
    # What a machine, a process or a stranger wrote. The page itself is allowed here: a script in it is not.
    "script: in a step, a message, a request, a trigger": asks("/incidents/{incident}"),
    "script: in a line of the log": asks("/incidents/{incident}/body"),
    "script: in the list of incidents": asks("/history"),
    "script: in an address": asks(f"/services/{quote(SCRIPT, safe='')}"),
    "script: in the sign-in's way on": asks(f"/sign-in?next={quote(BREAKS_OUT)}"),
    "script: as a file of evidence": asks("/incidents/{incident}/evidence/evidence/x.html"),
    # Files and sites that are not meant.
    "path: out of the static files": asks("/static/..%2f..%2fusers.py"),
    "path: out of the evidence": asks("/incidents/{incident}/evidence/..%2f..%2fjournal.db"),
    "way on: to another site": a_redirect("//evil.example"),
    "way on: with a header in it": a_redirect("/\r\nSet-Cookie: evil=1"),
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("attacked")
    folder.chmod(0o700)
    home = Home(folder)
    home.service(SECRET)
    name = written(home)
    with page_of(home) as page:
        victim = page.browser()
        yield Target(home, page, name, victim.get(f"/incidents/{name}").form_key, victim)


def written(home: Home) -> str:
    """An incident in which a stranger had the word, two open questions, and one that was answered by its link."""
    bad = f"{SCRIPT} {BREAKS_OUT} [x](javascript:alert(1))"
    now = clock.now()
    with home.journal() as journal:
        found = journal.open_incident(SECRET, "bring-back", Trigger("probe", bad, bad))
        evidence = Path(found.folder) / "evidence"
        (evidence / "logs").mkdir(parents=True, mode=0o700)
        (evidence / "logs" / "x.log").write_text(f"2020-01-01 00:00:00 {bad}\n")
        (evidence / "x.html").write_text(bad)
        kept = [
            {"kind": "log", "path": "logs/x.log", "bytes": 9, "source": bad},
            {"kind": "x", "path": "x.html", "bytes": 9},
        ]
        (evidence / "manifest.json").write_text(json.dumps({"artifacts": kept}))
        journal.begin_step(found.id, 1, "kill", bad)
        journal.end_step(found.id, 1, "ok", bad)
        journal.close(found.id, "recovered", cause="busy-loop", request=bad)
        for question, token in (("q1", TOKEN), ("q2", OTHER), ("q3", USED)):
            asked = Approval(question, SECRET, "bring-back", question, f"{SECRET}: run it?", now, now + 3600)
            journal.ask(asked, hashlib.sha256(token.encode()).hexdigest())
        journal.answer("q3", "no", "kim", "kim")
    return found.id


def test_there_are_forty() -> None:
    assert len(ATTACKS) == 40


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_does_nothing(target: Target, name: str) -> None:
    answer = ATTACKS[name](target)
    assert target.is_untouched(), "it has changed something"
    if name.startswith("script"):
        assert not re.search(r"<script>alert|<img src=x|href=\"javascript:", answer) or is_only_text(target, answer)
    else:
        assert SECRET not in answer, "it has learned something"
        assert "root:" not in answer and "SQLite" not in answer


def is_only_text(target: Target, answer: str) -> bool:
    """A file of the evidence as it is: the browser is told that it is text, and may run nothing of it."""
    reply = target.victim.get(f"/incidents/{target.incident}/evidence/evidence/x.html")
    headers = reply.headers
    return (
        answer == reply.text
        and headers["content-type"].startswith("text/plain")
        and headers["x-content-type-options"] == "nosniff"
        and "sandbox" in headers["content-security-policy"]
    )


def test_the_owner_of_the_page_can_do_what_the_attacks_could_not(target: Target) -> None:
    """Otherwise the attacks prove nothing."""
    reply = target.victim.post(f"/incidents/{target.incident}/note", {"form_key": target.key, "fix": "done"})
    assert reply.status == 303
    assert Browser(target.page.port).post(f"/yes/q1/{TOKEN}", {"answer": "yes"}).status == 303
    assert not target.is_untouched()
    assert SECRET in Browser(target.page.port).get("/").text
