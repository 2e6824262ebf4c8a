"""A runbook undoes what it did when a later block fails, and waits for the people that a block names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from channels import channels_in
from homes import Shop, answering_pid, shop_in
from pages import Browser, page_of
from strangers import DROP
from support import wait_for
from watching import Home

from watchdog.system.host import messages

pytestmark = pytest.mark.live
PASSWORD = "correct horse battery"


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def block(options: str, *lines: str) -> str:
    return "\n".join((f"```wd {options}", *lines, "```", ""))


def notes(shop: Shop, word: str, options: str = "timeout=30s on-fail=stop", then: str = "") -> str:
    """A block that writes a word down, and does one thing more."""
    return block(options, f"exec sh -c 'echo {word} >> {shop.folder}/done'", *filter(None, (then,)))


def undoes(shop: Shop, word: str, *more: str) -> str:
    return notes(shop, f"undo-{word}", "rollback timeout=30s") if not more else block("rollback timeout=30s", *more)


def done(shop: Shop) -> list[str]:
    path = shop.folder / "done"
    return path.read_text().split() if path.exists() else []


def test_what_was_done_is_undone_the_last_first_and_nothing_else(shop: Shop) -> None:
    parts = [part for word in ("one", "two") for part in (notes(shop, word), undoes(shop, word))]
    fails = block("timeout=30s on-fail=stop", "exec false")
    shop.runbook("change", "\n".join((*parts, fails, undoes(shop, "three"), notes(shop, "four"))))
    ran = shop.wd("run", "change", "--service", "shop", "-o", "json")
    assert ran.code == 2 and ran.last["outcome"] == "failed"
    assert done(shop) == ["one", "two", "undo-two", "undo-one"]
    assert ran.last["message"].endswith("rolled back: 2 blocks")
    assert [step["text"].startswith("rollback: ") for step in ran.last["steps"]] == [False] * 3 + [True] * 2
    assert "rollback: exec" in shop.wd("incidents", "show").out


def test_without_a_failure_nothing_is_undone_and_the_plan_says_what_would_be(shop: Shop) -> None:
    shop.runbook("change", "\n".join((notes(shop, "one"), undoes(shop, "one"), notes(shop, "two"))))
    plan = shop.wd("run", "change", "--service", "shop", "--dry-run")
    assert plan.code == 0 and "after a failure, to undo it: exec sh -c echo undo-one" in plan.out
    assert done(shop) == []
    assert shop.wd("run", "change", "--service", "shop").code == 0
    assert done(shop) == ["one", "two"]


def test_a_step_that_fails_while_it_is_undone_keeps_nothing_else_from_being_undone(shop: Shop) -> None:
    bad = undoes(shop, "two", "exec false", f"exec sh -c 'echo undo-two >> {shop.folder}/done'")
    parts = (notes(shop, "one"), undoes(shop, "one"), notes(shop, "two"), bad, block("timeout=30s", "exec false"))
    shop.runbook("change", "\n".join(parts))
    assert shop.wd("run", "change", "--service", "shop").code == 2
    assert done(shop) == ["one", "two", "undo-two", "undo-one"]


def test_a_server_that_was_ended_for_a_change_that_failed_is_started_again(shop: Shop) -> None:
    ended = block("timeout=60s on-fail=stop", "kill --grace 2s")
    again = block("rollback timeout=60s", "start", "verify --healthy 1 --within 30s")
    shop.runbook("change", "\n".join((ended, again, block("timeout=30s on-fail=stop", "exec false"))))
    with shop.server() as old:
        assert shop.wd("run", "change", "--service", "shop", "--yes").code == 2
        assert old.wait(30) is not None
        (new,) = shop.copies()
        assert answering_pid(shop.port) == new != old.pid


def begun_steps(shop: Shop) -> int:
    with shop.journal() as journal:
        return len(journal.incident("last").steps) if journal.incidents() else 0


def test_a_run_that_was_cut_off_undoes_also_what_the_first_part_did(shop: Shop) -> None:
    waits = block("timeout=60s on-fail=stop", f"exec sh -c 'until test -e {shop.folder}/go; do sleep 0.1; done; false'")
    shop.runbook("change", "\n".join((notes(shop, "one"), undoes(shop, "one"), waits)))
    first = shop.begin("run", "change", "--service", "shop")
    try:
        wait_for(lambda: begun_steps(shop) == 2, "the first block is done and recorded", 60)
    finally:
        first.kill()
        first.wait(30)
    (shop.folder / "go").touch()
    assert shop.wd("run", "change", "--service", "shop", "--resume").code == 2
    assert done(shop) == ["one", "undo-one"]


def test_a_block_that_asks_is_refused_where_nobody_can_answer_and_what_was_done_is_undone(shop: Shop) -> None:
    asks = notes(shop, "two", "confirm timeout=30s on-fail=stop")
    shop.runbook("change", "\n".join((notes(shop, "one"), undoes(shop, "one"), asks)))
    assert shop.wd("run", "change", "--service", "shop").code == 5
    assert done(shop) == ["one", "undo-one"]
    assert shop.wd("run", "change", "--service", "shop", "--yes").code == 0
    assert done(shop)[2:] == ["one", "two"]


def ended(run: subprocess.Popen[str]) -> tuple[int, str]:
    out, _err = run.communicate(timeout=90)
    return run.returncode, out


@pytest.mark.skipif(not messages.can_send(), reason="Apprise is not installed (the extra `notify`)")
def test_two_different_people_must_allow_a_block_by_terminal_page_or_link(home: Home, tmp_path: Path) -> None:
    assert home.wd("web", "--add-user", "lee", "--role", "act", stdin=f"{PASSWORD}\n").code == 0
    with channels_in(tmp_path) as channels, page_of(home) as page:
        shop = home.service()
        shop.playbook["notify"] = [f"json://127.0.0.1:{channels.port}/hook"]
        shop.write()
        home.runbook("change", block("approve=2 timeout=30s on-fail=stop", f"exec touch {home.folder}/changed"))
        run = home.begin("run", "change", "--service", "shop", "--yes")
        wait_for(lambda: channels.bodies(), "the message", 60)
        link = next(word for word in channels.bodies()[0]["message"].split() if "/yes/" in word).partition("/yes/")[2]
        first = home.wd("yes", "shop")
        assert first.code == 0 and "1 of 2 people have said yes: " in first.out
        assert home.wd("yes", "shop").code == 5, "the same person at the same place"
        with home.journal() as journal:
            where = f"/questions/{journal.questions('shop')[0].id}"
        browser, phone = page.browser(), Browser(page.port)
        assert browser.post(where, {"form_key": browser.get(where).form_key, "answer": "yes"}).status == 409
        assert not (home.folder / "changed").exists()
        same = phone.post(f"/yes/{link}", {"answer": "yes", "name": "lee"})
        assert same.status == 409, "a typed name makes nobody another person"
        assert phone.post("/sign-in", {"name": "lee", "password": PASSWORD, "next": "/"}).status == 303
        assert phone.post(where, {"form_key": phone.get(where).form_key, "answer": "yes"}).status == 303
        code, out = ended(run)
    assert code == 0 and (home.folder / "changed").exists(), out
    shown = home.wd("incidents", "show").out
    assert "allowed by " in shown and "lee (page, from 127.0.0.1)" in shown


# Posts an answer as a user that the page does not know: the link is all it has.
STRANGER = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], b"answer=yes&name=lee", timeout=60).status)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


@pytest.mark.root
@pytest.mark.skipif(not messages.can_send(), reason="Apprise is not installed (the extra `notify`)")
def test_a_yes_by_the_link_of_somebody_unknown_is_no_second_person(home: Home, tmp_path: Path) -> None:
    with channels_in(tmp_path) as channels, page_of(home) as page:
        shop = home.service()
        shop.playbook["notify"] = [f"json://127.0.0.1:{channels.port}/hook"]
        shop.write()
        home.runbook("change", block("approve=2 timeout=30s on-fail=stop", f"exec touch {home.folder}/changed"))
        run = home.begin("run", "change", "--service", "shop")
        wait_for(lambda: channels.bodies(), "the message", 60)
        link = next(word for word in channels.bodies()[0]["message"].split() if "/yes/" in word).partition("/yes/")[2]
        assert home.wd("yes", "shop").code == 0
        said = subprocess.run(
            [*DROP, sys.executable, "-c", STRANGER, f"http://127.0.0.1:{page.port}/yes/{link}"],
            capture_output=True, text=True, cwd="/", timeout=60, check=False,
        ).stdout  # fmt: skip
        assert said.startswith("409") and "does not show who you are" in said, said
        assert not (home.folder / "changed").exists()
        assert home.wd("no", "shop").code == 0
        assert ended(run)[0] == 5


def test_one_no_or_no_answer_in_time_ends_the_run(shop: Shop) -> None:
    shop.playbook(more="policy: {answer_within: 2s}\n")
    shop.runbook("change", notes(shop, "one", "approve=2 timeout=30s on-fail=stop"))
    late = shop.wd("run", "change", "--service", "shop", "--yes")
    assert late.code == 5 and "not allowed by 2 different people in 2s" in late.out
    shop.playbook(more="policy: {answer_within: 1h}\n")
    run = shop.begin("run", "change", "--service", "shop")

    def asked() -> bool:
        with shop.journal() as journal:
            return bool(journal.questions("shop"))

    wait_for(asked, "it asks", 60)
    assert shop.wd("no", "shop").code == 0
    code, out = ended(run)
    assert code == 5 and "said no" in out and done(shop) == []
