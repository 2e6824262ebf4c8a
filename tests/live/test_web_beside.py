"""`wd watch --web`: the page is a process beside the loop, and neither brings the other down."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from pages import Browser
from support import alive, free_port, wait_for
from watching import Daemon, Home


def served(home: Home) -> tuple[Daemon, Browser, int]:
    """(the loop, a browser, the pid of the page)."""
    port = free_port()
    daemon = home.watch("--web", f"127.0.0.1:{port}")
    daemon.hears(f"the page is at http://127.0.0.1:{port}")
    return daemon, Browser(port), page_pid(daemon)


def page_pid(daemon: Daemon) -> int:
    return next((pid for pid in children(daemon.loop) if b"page_child" in command(pid)), 0)


def children(pid: int) -> list[int]:
    """Also those that another thread than the first has started."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for file in files for word in file.read_text().split()]


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_the_page_of_the_loop_shows_what_the_loop_sees_and_ends_with_it(home: Home) -> None:
    shop = home.service()
    shop.start()
    daemon, browser, page = served(home)
    wait_for(lambda: "the worst is ok" in browser.get("/").text, "the answers are on the page", 30)
    assert daemon.stop() == 0
    wait_for(lambda: not alive(page), "the page has ended", 20)


def test_a_page_that_is_killed_is_started_again_and_the_loop_goes_on(home: Home) -> None:
    home.service().start()
    daemon, browser, page = served(home)
    loop = daemon.loop
    os.kill(page, signal.SIGKILL)
    daemon.hears("the page has ended with code -9; it is started again")
    wait_for(lambda: page_pid(daemon) not in (0, page), "another page", 30)
    wait_for(lambda: daemon.said.count("the page is at ") == 2, "it listens again", 30)
    assert browser.get("/healthz").status == 200
    assert daemon.loop == loop


def test_a_loop_that_is_killed_leaves_no_page_behind(home: Home) -> None:
    home.service().start()
    daemon, browser, page = served(home)
    os.kill(daemon.loop, signal.SIGKILL)
    wait_for(lambda: not alive(page), "the old page has ended", 30)
    wait_for(lambda: daemon.said.count("the page is at ") == 2, "loop and page are back", 60)
    assert browser.get("/").status == 200


def test_a_page_that_stands_still_holds_no_probe_up(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemon, _browser, page = served(home)
    os.kill(page, signal.SIGSTOP)
    try:
        shop.tell("hang")
        wait_for(lambda: not alive(before), "the hung server is ended", 60)
        shop.tell("hang", None)
        daemon.hears("bring-back: recovered")
    finally:
        os.kill(page, signal.SIGCONT)


def test_what_is_wrong_with_the_page_is_said_before_the_loop_begins(home: Home) -> None:
    home.service()
    for words, code in (("0.0.0.0:8321", 5), ("nonsense", 3), (":0 --no-such-option", 3), (":0 --tls-cert x", 3)):
        done = home.wd("watch", "--web", words)
        assert (done.code, "watching" in done.err) == (code, False), done.err
        assert re.search(r"wd: .", done.err)
