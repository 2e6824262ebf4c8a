"""The picture of who waits for whom, and the log around the moment of the trouble."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import test_report

from watchdog.model.incident import Incident
from watchdog.report.build import build as without_pictures
from watchdog.report.page import LogTail, Page, Waits
from watchdog.report.pictures import with_pictures
from watchdog.report.render import html
from watchdog.report.write import as_json

SCRIPT = "<script>alert(1)</script>"


def build(found: Incident, folder: Path) -> Page:
    return with_pictures(without_pictures(found, folder), folder)


def point(thread: str, lock: str, line: int, **more: Any) -> dict[str, Any]:
    frame = {"function": "pay", "file": "/srv/shop/server.py", "line": line, "locals": []}
    return {
        "pid": 1, "tid": sum(map(ord, thread)), "thread": thread, "lock": lock, "expression": f"{lock}_lock",
        "kind": "Lock", "frame": frame, "task": None, "locked": True, "owner": None, **more,
    }  # fmt: skip


def incident(folder: Path, held: list[Any], wanted: list[Any], **finding: Any) -> Incident:
    evidence = folder / "evidence"
    evidence.mkdir(exist_ok=True)
    (evidence / "manifest.json").write_text(json.dumps({"artifacts": []}))
    (evidence / "locks.json").write_text(json.dumps([{"held": held, "wanted": wanted}]))
    told = {**test_report.FINDING, "evidence": ["locks.json#pid=1"], **finding}
    return test_report.incident(steps=(), finding=told)


def drawn(folder: Path, held: list[Any], wanted: list[Any], **finding: Any) -> Waits:
    waits = build(incident(folder, held, wanted, **finding), folder).waits
    assert waits is not None
    return waits


def test_a_circle_of_locks_is_drawn_with_every_thread_in_its_order(folder: Path) -> None:
    held = [point("a", "stock", 1), point("b", "cash", 2), point("c", "mail", 3)]
    wanted = [point("a", "cash", 11), point("b", "mail", 12), point("c", "stock", 13), point("d", "cash", 14)]
    waits = drawn(folder, held, wanted)
    assert waits.is_circle
    assert [(one.name, one.place, one.wish) for one in waits.boxes] == [
        ("a", "server.py:11 in pay", "cash_lock"),
        ("b", "server.py:12 in pay", "mail_lock"),
        ("c", "server.py:13 in pay", "stock_lock"),
    ]
    assert waits.words == (
        "a waits for cash_lock, which b holds; b waits for mail_lock, which c holds; "
        "c waits for stock_lock, which a holds; 1 more waits behind them"
    )


def test_a_thread_that_waits_for_itself_is_a_circle_of_one(folder: Path) -> None:
    waits = drawn(folder, [point("a", "stock", 1)], [point("a", "stock", 1)])
    assert waits.is_circle and len(waits.boxes) == 1
    assert waits.words == "a waits for stock_lock, which it holds itself"


def test_a_chain_ends_at_the_one_who_holds_everybody_up(folder: Path) -> None:
    held = [point("b", "cash", 2), point("c", "mail", 3)]
    wanted = [point("a", "cash", 11), point("b", "mail", 12), *(point(f"w{n}", "cash", 20 + n) for n in range(3))]
    waits = drawn(folder, held, wanted)
    assert not waits.is_circle
    assert [one.name for one in waits.boxes] == ["a", "b", "c"]
    assert waits.boxes[-1].wish == ""
    assert "3 more wait behind them" in waits.words


def test_a_long_chain_shows_its_end(folder: Path) -> None:
    held = [point(f"t{n}", f"l{n}", n + 1) for n in range(1, 30)]
    wanted = [point(f"t{n}", f"l{n + 1}", n + 1) for n in range(29)]
    waits = drawn(folder, held, wanted)
    assert [one.name for one in waits.boxes] == [f"t{n}" for n in range(22, 30)]


def test_a_lock_that_nobody_holds_says_so(folder: Path) -> None:
    waits = drawn(folder, [], [point("a", "cash", 11)])
    assert [one.name for one in waits.boxes] == ["a", "nobody who can be seen"]


def test_a_silent_peer_is_the_end_of_the_chain(folder: Path) -> None:
    waits = drawn(folder, [], [], evidence=["connections.json"], peer="10.0.0.5:5432")
    assert waits.words == "withdraw waits for an answer of 10.0.0.5:5432"
    assert [one.name for one in waits.boxes] == ["withdraw", "10.0.0.5:5432"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "[7]", '[{"held": 7, "wanted": [7, {}, {"frame": {}}]}]', '[{"wanted": [{"pid": "x"}]}]'],
)
def test_damaged_evidence_draws_nothing_and_the_report_is_whole(folder: Path, text: str) -> None:
    broken = incident(folder, [], [])
    (folder / "evidence" / "locks.json").write_text(text)
    page = build(broken, folder)
    assert page.waits is None
    assert "What was done" in html(page)


def test_the_picture_has_a_title_and_words_and_obeys_no_name(folder: Path) -> None:
    name = f"{SCRIPT}\x1b[31m"
    found = incident(folder, [point(name, "a", 1), point("b", "b", 2)], [point(name, "b", 1), point("b", "a", 2)])
    shown = html(build(found, folder))
    begin = shown.index('<svg class="waits')
    picture = ET.fromstring(shown[begin : shown.index("</svg>", begin) + 6])
    assert picture.get("role") == "img"
    ids = str(picture.get("aria-labelledby")).split()
    named = [one for one in picture if one.get("id") in ids]
    assert [one.tag for one in named] == ["title", "desc"] and all(one.text for one in named)
    assert len(picture.findall("rect")) == 2
    assert "<script>" not in shown and "\x1b" not in shown and "style=" not in shown


def logged(folder: Path, text: str, begins: str = "2027-01-15T03:00:12+00:00") -> tuple[LogTail, ...]:
    evidence = folder / "evidence"
    (evidence / "logs").mkdir(parents=True)
    (evidence / "logs" / "shop.log").write_text(text)
    artifact = {"kind": "log", "path": "logs/shop.log", "bytes": len(text), "source": "/var/log/shop.log"}
    (evidence / "manifest.json").write_text(json.dumps({"artifacts": [artifact]}))
    moment = datetime.fromisoformat(begins).timestamp()
    return build(replace(test_report.incident(), down_since=moment), folder).logs


def line(second: int, text: str) -> str:
    return f"{datetime(2027, 1, 15, 3, 0, second, tzinfo=UTC).isoformat()} {text}\n"


def test_the_moment_stands_between_the_lines_before_and_after_it(folder: Path) -> None:
    (log,) = logged(folder, line(10, "fine") + "  no time here\n" + line(12, "slow") + "Traceback\n" + line(13, "last"))
    assert [one[-12:] for one in log.before] == ["+00:00 fine", "no time here"] or "fine" in log.before[0]
    assert log.source == "/var/log/shop.log" and len(log.before) == 2
    assert ["slow" in log.after[0], log.after[1], "last" in log.after[2]] == [True, "Traceback", True]


def test_of_a_long_log_the_lines_around_the_moment_are_shown(folder: Path) -> None:
    text = "".join(line(11, f"before {n}") for n in range(200)) + "".join(line(12, f"after {n}") for n in range(200))
    (log,) = logged(folder, text)
    assert log.before[-1].endswith("before 199") and log.after[0].endswith("after 0")
    assert len(log.before) + len(log.after) == 40


def test_a_log_that_ended_before_the_moment_shows_its_end(folder: Path) -> None:
    (log,) = logged(folder, "".join(line(1, f"old {n}") for n in range(200)))
    assert log.before[-1].endswith("old 199") and log.after == () and log.has_times


def test_a_log_without_times_claims_no_moment(folder: Path) -> None:
    (log,) = logged(folder, "one\ntwo\n")
    assert (log.before, log.after, log.has_times) == (("one", "two"), (), False)


def test_an_empty_log_is_not_shown_and_a_line_of_a_stranger_is_text(folder: Path) -> None:
    assert logged(folder / "empty", "\n\n") == ()
    logged(folder / "bad", f"{SCRIPT}\x1b[31m\n" + "x" * 5000)
    page = build(test_report.incident(), folder / "bad")
    shown = html(page)
    assert "<script>" not in shown and "\x1b" not in shown and "x" * 301 not in shown


def test_pictures_of_the_evidence_stand_in_no_json(folder: Path) -> None:
    logged(folder, line(12, "a line of the log"))
    found = test_report.incident()
    page = build(found, folder)
    assert page.logs
    assert "a line of the log" not in as_json(page, found)
