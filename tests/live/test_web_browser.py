"""A real browser (Debian's chromium) sees a hung server, says yes on the page, and reads the report; on a phone too."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from homes import ROOT
from pages import Page, page_of
from support import alive, wait_for
from test_web_answers import ASKED, Channel, asked_service, channel, is_back, question
from watching import Home, Service

from watchdog.model.approval import Approval
from watchdog.model.incident import Trigger

__all__ = ["channel"]  # a fixture
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium"),
    pytest.mark.timeout(300),
]
# The script comes with a test dependency; WD_TEST_AXE names the file of another version (`npm pack axe-core`).
AXE = os.environ.get("WD_TEST_AXE") or importlib.resources.files("axe_playwright_python") / "axe.min.js"
PICTURES = os.environ.get("WD_PICTURES", "")  # a folder: the pictures of the documents are taken again
REPLACE = """([found, word]) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(found, word);
}"""
FOCUSED = """() => {
    const one = document.activeElement;
    return [(one.labels?.[0] ?? one).textContent.trim(), getComputedStyle(one).outlineStyle];
}"""
LOOKS = {
    "light": (1100, 800, "light", "en-GB"),
    "dark": (1100, 800, "dark", "en-GB"),
    "phone": (390, 844, "dark", "en-GB"),
    "japanese": (390, 844, "light", "ja-JP"),
}


@pytest.fixture
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Screen:
    """A tab that notes every request and every complaint."""

    def __init__(self, browser: Any, page: Page, look: str = "light") -> None:
        width, height, scheme, language = LOOKS[look]
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, color_scheme=scheme, locale=language)
        self.tab = context.new_page()
        self.base = f"http://127.0.0.1:{page.port}"
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.tab.on("request", lambda one: self.asked.append(one.url))
        self.tab.on("console", lambda one: self.complaints.append(one.text) if one.type == "error" else None)
        self.tab.on("pageerror", lambda one: self.complaints.append(str(one)))

    def open(self, path: str) -> None:
        self.tab.goto(self.base + path)

    def shows(self, text: str, limit: float = 60.0) -> None:
        self.tab.get_by_text(text).first.wait_for(timeout=limit * 1000)

    def is_narrow_enough(self) -> bool:
        """Nothing is wider than the screen."""
        return bool(self.tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))

    def picture(self, name: str, look: str, home: Home) -> None:
        if not PICTURES or look == "japanese":  # few machines that run this have its letters
            return
        for found, word in ((str(home.folder), "/srv/oncall"), (sys.executable, "python3"), (str(ROOT), "/srv")):
            self.tab.evaluate(REPLACE, [found, word])  # the same from machine to machine
        whole = name == "incident" and look != "phone"
        self.tab.screenshot(path=str(Path(PICTURES) / f"page-{name}-{look}.png"), full_page=whole)

    def serious(self) -> list[str]:
        """What axe finds, serious or critical."""
        self.tab.evaluate(
            f"() => {{ {Path(str(AXE)).read_text()} }}"
        )  # the page itself would not run it, by its policy
        found = json.loads(self.tab.evaluate("axe.run().then(r => JSON.stringify(r.violations))"))
        return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]

    def goes_to(self, text: str) -> None:
        """With the tabulator key alone, to the link, field or button of that name; whoever looks sees where it is."""
        for _ in range(60):
            self.tab.keyboard.press("Tab")
            name, outline = self.tab.evaluate(FOCUSED)
            assert outline != "none", f"nothing shows that {name!r} has the focus"
            if name == text:
                return
        raise AssertionError(f"the tabulator key never came to {text!r}")

    def ends_well(self) -> None:
        """Only this machine was asked, and the browser had nothing to complain about."""
        assert {urlsplit(url).hostname for url in self.asked} == {"127.0.0.1"}
        assert not self.complaints


def test_a_person_sees_it_says_yes_and_reads_the_report(home: Home, chromium: Any) -> None:
    shop = asked_service(home)
    before = shop.start()
    with page_of(home) as page:
        screen = Screen(chromium, page)
        screen.open("/")
        screen.shows("1 service, the worst is unknown")
        daemon = home.watch()
        screen.shows("1 service, the worst is ok")  # the open page is brought up to date by itself
        shop.tell("hang")
        daemon.hears(ASKED)
        screen.shows("ASKS: health")
        screen.tab.get_by_role("link", name="Answer").click()
        screen.tab.get_by_role("button", name="Yes, run bring-back").click()
        screen.shows("said yes")
        wait_for(lambda: not alive(before), "the hung server is ended", 60)
        shop.tell("hang", None)
        screen.open("/history")
        daemon.hears("bring-back: recovered")
        screen.tab.reload()
        screen.tab.locator("ul.incidents a").first.click()
        screen.shows("is back, and that is proven")
        screen.shows("Allowed by")
        screen.tab.get_by_label("Fix").fill("one order for the locks")
        screen.tab.get_by_role("button", name="Save").click()
        screen.shows("one order for the locks")
        screen.ends_well()


def test_a_yes_by_the_link_of_the_message_with_the_keyboard_alone_brings_it_back(
    home: Home, channel: Channel, chromium: Any
) -> None:
    shop = asked_service(home, channel)
    with question(home, shop, channel) as (page, before):
        screen = Screen(chromium, page, "phone")
        screen.open(channel.link())
        screen.shows("kill --grace 2s")
        assert alive(before), "looking decides nothing"
        screen.goes_to("Yes, run bring-back")
        screen.tab.keyboard.press("Enter")
        screen.shows("(link, from 127.0.0.1) said yes")
        is_back(home, shop, before)
        screen.open("/")
        screen.shows("1 service, the worst is ok")
        screen.goes_to("History")
        screen.tab.keyboard.press("Enter")
        screen.shows("The last 7 days")
        screen.goes_to(screen.tab.locator("ul.incidents a").first.text_content().strip())
        screen.tab.keyboard.press("Enter")
        screen.shows("is back, and that is proven")
        screen.shows("Allowed by")
        screen.goes_to("Fix")
        screen.tab.keyboard.type("one order for the locks")
        screen.goes_to("Save")
        screen.tab.keyboard.press("Enter")
        screen.shows("one order for the locks")
        screen.ends_well()


def test_an_open_page_says_when_it_hears_nothing_more(home: Home, chromium: Any) -> None:
    home.service()
    with page_of(home) as page:
        screen = Screen(chromium, page)
        screen.open("/")
        assert not screen.tab.locator("#lost").is_visible()
        page.end()
        screen.tab.locator("#lost").wait_for(state="visible", timeout=60_000)


def test_a_run_is_followed_step_by_step(home: Home, chromium: Any) -> None:
    shop = home.service()
    shop.start()
    shop.tell("load", 12)  # a busy machine needs seconds to draw a page
    with page_of(home) as page:
        screen = Screen(chromium, page)
        screen.open("/")
        run = home.begin("run", "bring-back", "--service", "shop", "--yes")

        def name() -> str:
            with home.journal() as journal:
                found = journal.incidents(limit=1)
            return found[0].id if found else ""

        wait_for(name, "the run begins", 30)
        screen.open(f"/incidents/{name()}")
        screen.shows("under way")
        screen.shows("waiting")
        run.communicate(timeout=120)
        screen.shows("is back, and that is proven")
        screen.ends_well()


def answers_of_two(shop: Service) -> list[str]:
    """What two people who ask at the same moment are told."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda _: shop.answers(limit=2.0), range(2)))


def prepared(home: Home) -> str:
    """A home worth looking at; gives an incident with a cause, after a `wd run` on a server that hung."""
    shop, cart, mail = home.service("shop", "fickle.py"), home.service("cart"), home.service("mail")
    for one in (shop, cart, mail):
        one.playbook["probes"]["memory"] = {"memory": "1GB", "every": "1s"}
        one.playbook["policy"] |= {"mode": "ask" if one is mail else "observe", "answer_within": "1h"}
        one.write()
        one.start()
    for _ in range(2):
        shop.tell("locks")
        wait_for(lambda: not any(answers_of_two(shop)), "two questions wait for each other's lock", 60)
        run = home.begin("run", "frozen-server", "--service", "shop", "--yes", "--set", "evidence=3s")
        with home.journal() as journal:
            wait_for(
                lambda: any(
                    step.step == "kill" and step.outcome != "running"
                    for one in journal.incidents("shop", limit=1)
                    for step in journal.incident(one.id).steps
                ),
                "the hung server is ended", 120,
            )  # fmt: skip
        shop.tell("locks", None)
        run.communicate(timeout=120)
    daemon = home.watch()
    cart.tell("down")
    mail.tell("hang")
    daemon.hears(ASKED)
    wait_for(lambda: "cart" in home.wd("status").out and "failed" in home.wd("status").out, "the status", 30)
    return str(home.incidents()[0]["incident"])


def every_page(home: Home) -> dict[str, str]:
    """The pages of a home that is worth looking at, by name; with the rare ones."""
    name = prepared(home)
    before = next(one["incident"] for one in home.incidents() if one["service"] == "shop" and one["incident"] != name)
    with home.journal() as journal:
        question = journal.questions()[0].id
        now = time.time()
        asked = Approval(
            "q1", "mail", "bring-back", "block 2", "mail: two people must allow it", now, now + 600, needed=2
        )
        journal.ask(asked, hashlib.sha256(b"key").hexdigest())
        running = journal.open_incident("cart", "bring-back", Trigger("person", "wd run bring-back", "kim")).id
        journal.begin_step(running, 1, "kill", "kill --grace 3s")
    broken = home.folder / "playbooks" / "broken.yml"
    broken.write_text("service: broken\nfind: {prot: 1}\n")
    return {
        "now": "/", "service": "/services/shop", "incident": f"/incidents/{name}", "history": "/history",
        "compare": f"/incidents/{name}/compare/{before}", "question": f"/questions/{question}",
        "sign-in": "/sign-in", "missing": "/nothing", "link": "/yes/q1/key", "running": f"/incidents/{running}",
        "filtered": "/history?service=cart",
    }  # fmt: skip


@pytest.mark.timeout(600)
def test_every_page_can_be_read_by_everybody_on_every_screen(home: Home, chromium: Any) -> None:
    """Nothing is cut off on a phone, and axe finds nothing serious."""
    paths = every_page(home)
    with page_of(home) as page:
        found = []
        for look in LOOKS:
            screen = Screen(chromium, page, look)
            for what, path in paths.items():
                screen.open(path)
                screen.tab.wait_for_load_state("networkidle")
                assert screen.is_narrow_enough(), f"{what} is too wide ({look})"
                screen.picture(what, look, home)
                if what == "incident":
                    assert screen.tab.locator("svg.waits.circle").is_visible()
                if what == "now":
                    assert screen.tab.get_by_text("broken.yml").is_visible()
                found += [f"{what} ({look}): {one}" for one in screen.serious()]
            screen.complaints = [one for one in screen.complaints if "404" not in one]  # of the page that is missing
            screen.ends_well()
        assert not found, "\n".join(found)
