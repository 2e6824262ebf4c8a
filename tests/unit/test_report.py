"""A report says first what is asked first, names everything that was done, and obeys nothing that strangers wrote."""

from __future__ import annotations

import hashlib
import json
import re
import stat
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from watchdog.evidence import snapshot
from watchdog.model.evidence import Evidence, Gap
from watchdog.model.incident import Incident, StepRecord, Trigger
from watchdog.model.probing import Sample
from watchdog.report import render, write
from watchdog.report.build import build, clean
from watchdog.report.curves import bytes_shown, curve
from watchdog.report.render import html, markdown
from watchdog.report.write import as_json

FINDING: dict[str, Any] = {
    "cause": "lock-deadlock",
    "confidence": 0.95,
    "certainty": "certain",
    "summary": "2 threads wait for each other's lock",
    "culprit": {
        "file": "/srv/shop/server.py",
        "line": 30,
        "function": "withdraw",
        "source": "    with cash_lock:",
        "pid": 4242,
        "thread": "withdraw",
    },
    "peer": None,
    "evidence": ["stacks.json#pid=4242,thread=withdraw"],
    "advice": "restart",
    "prevent": "take both locks in one order",
    "details": ["withdraw holds stock_lock and wants cash_lock"],
}
OPENED = 1_800_000_000.0


def step(number: int, name: str, outcome: str = "ok", data: dict[str, Any] | None = None, text: str = "") -> StepRecord:
    by_hand = f"wd {text or name} --service shop"
    return StepRecord(number, name, text or name, outcome, OPENED + number, 0.5, f"{name} said so", data, by_hand)


def incident(**more: Any) -> Incident:
    steps = (
        step(1, "snapshot", text="snapshot --within 5s"),
        step(2, "why", data={"verdict": "lock-deadlock", "findings": [FINDING], "missing": ["coroutines of pid 7"]}),
        step(
            3,
            "kill",
            data={
                "outcome": "done",
                "killed": [
                    {"pid": 4242, "signal": "KILL", "seconds": 5.1, "note": "SIGTERM did nothing"},
                    {"pid": 4243, "signal": "", "seconds": 5.2, "note": ""},
                ],
                "survivors": [],
                "ports": [{"port": 8000, "free": True}],
            },
            text="kill --grace 5s",
        ),
        step(4, "check", "warning", {"checks": [{"name": "disk", "state": "warning", "message": "8% free"}]}),
        step(5, "start", data={"pid": 4711, "ready": True}),
        step(6, "verify", data={"answers": [{"ok": True}] * 3, "pid": 4711}, text="verify --healthy 3"),
    )
    whole = Incident(
        id="2027-01-15-080000-shop-4f2a11",
        opened=OPENED,
        service="shop",
        runbook="frozen-server",
        trigger=Trigger("probe", "health: 3 failures in a row", "wd watch", OPENED - 7),
        outcome="recovered",
        closed=OPENED + 8,
        cause="lock-deadlock",
        signature="s",
        finding=FINDING,
        request="POST /order?id=3",
        downtime=14.5,
        down_since=OPENED - 7,
        old_pids=(4242, 4243),
        new_pid=4711,
        repeated="4th time in 7 days, same cause and line; the last restart held 3h 00m",
        overridden="4 restarts within 30m were used up",
        notes=((OPENED + 99, "kim", "seen"),),
        steps=steps,
    )
    return replace(whole, **more)


@pytest.fixture
def kept(folder: Path) -> Path:
    """An incident's folder with evidence in it."""
    log = folder / "shop.log"
    log.write_text("ERROR\n")
    seen = Evidence(None, gaps=(Gap("stacks of 4243", "not permitted", "run wd as root"),))
    snapshot.take(None, folder / "run" / "evidence", [log, folder / "none.log"], 1.0, seen)
    return folder / "run"


def test_the_report_names_all_that_the_contract_promises(kept: Path) -> None:
    path = write.write(incident(), kept)
    text = path.read_text()
    for wanted in (
        "shop",
        "recovered",
        "14.5s",  # downtime
        "pid 4242 (KILL)",
        "pid 4243 (by itself)",
        "pid 4711",
        "/srv/shop/server.py:30",
        "with cash_lock:",
        "take both locks in one order",
        "health: 3 failures in a row",
        "POST /order?id=3",
        "4th time in 7 days",
        "4 restarts within 30m were used up",
        "not permitted run wd as root",
        "none.log",
        "coroutines of pid 7",
        "port 8000 could be bound again",
        "verify said so",
        "8% free",
        "wd run frozen-server --service shop",
        "wd kill --grace 5s --service shop",
        "wd incidents note 2027-01-15-080000-shop-4f2a11 --root-cause",
    ):
        assert wanted in text, wanted
    manifest = json.loads((kept / "evidence" / "manifest.json").read_text())
    for artifact in manifest["artifacts"]:
        if artifact["path"]:
            assert artifact["sha256"] in text and f"evidence/{artifact['path']}" in text
            data = (kept / "evidence" / artifact["path"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == artifact["sha256"]


def test_the_verdict_and_the_outcome_come_first(kept: Path) -> None:
    lines = write.write(incident(), kept).read_text().splitlines()
    assert lines[0] == "# shop: recovered"
    assert "is back, and that is proven" in lines[2]
    assert any("lock-deadlock" in line for line in lines[:14])


@pytest.mark.posix("Windows has no modes: access lists, see tests/windows")
def test_the_three_files_are_closed_to_others(kept: Path) -> None:
    write.write(incident(), kept, [Sample("memory", OPENED, "ok", 0.1, value=1.0, unit="B")])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()}
    assert modes == {
        "report.md": 0o600,
        "report.html": 0o600,
        "report.json": 0o600,
        "samples.json": 0o600,
        "evidence": 0o700,
    }


def test_json_holds_the_record_and_every_step(kept: Path) -> None:
    write.write(incident(), kept)
    found = json.loads((kept / "report.json").read_text())
    assert found["incident"] == "2027-01-15-080000-shop-4f2a11" and found["downtime"] == 14.5
    assert [one["step"] for one in found["steps"]] == ["snapshot", "why", "kill", "check", "start", "verify"]
    assert found["page"]["ended"][0] == {
        "pid": 4242,
        "signal": "KILL",
        "seconds": 5.1,
        "command": "",
        "note": "SIGTERM did nothing",
    }
    assert found["opened"].endswith("Z")


def test_a_report_made_again_is_the_same(kept: Path) -> None:
    samples = [Sample("memory", OPENED - 60 + n, "ok", 0.1, value=1e8 + n * 1e6, unit="B") for n in range(60)]
    write.write(incident(), kept, samples)
    first = {name: (kept / name).read_text() for name in ("report.md", "report.html", "report.json")}
    write.write(incident(), kept)  # without the samples: they are in the folder
    assert {name: (kept / name).read_text() for name in first} == first
    assert "Probe memory" in first["report.md"]


def test_a_run_that_was_cut_off_says_where(kept: Path) -> None:
    steps = (*incident().steps[:2], replace(incident().steps[2], outcome="running", data=None, seconds=0.0))
    text = write.write(
        incident(outcome="interrupted", closed=None, steps=steps, downtime=None, new_pid=None), kept
    ).read_text()
    assert "under way, or cut off here" in text and "the run was interrupted" in text


def test_an_incident_with_nothing_but_a_beginning_has_a_report_too(folder: Path) -> None:
    trigger = Trigger("person", "wd kill --pid 7", "kim", typed="wd kill --pid 7")
    bare = Incident("2027-01-15-080000-x-1", OPENED, None, "kill", trigger)
    text = write.write(bare, folder / "new").read_text()
    assert "no diagnosis was made" in text and "None was kept" in text and "    wd kill --pid 7" in text


def test_an_evidence_folder_without_a_manifest_is_called_cut_off(folder: Path) -> None:
    (folder / "run" / "evidence").mkdir(parents=True)
    assert "the snapshot was cut off" in write.write(incident(), folder / "run").read_text()


def test_broken_evidence_files_break_no_report(kept: Path) -> None:
    for name in ("manifest.json", "processes.json", "series.json"):
        (kept / "evidence" / name).write_text('{"artifacts": [')
    write.write(incident(), kept)
    (kept / "evidence" / "manifest.json").write_text('["not", "a", "manifest"]')
    (kept / "evidence" / "series.json").write_text("[" * 100_000)
    write.write(incident(), kept)


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.shown: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


KNOWN = {tag for tag, _ in Page(html(build(incident(), Path("/nonexistent")))).tags} | {
    *("svg", "path", "figure", "figcaption", "desc", "text")
}


def poisoned(text: str) -> Incident:
    """A stranger's text in every place where one can put some."""
    finding = {**FINDING, "summary": text, "prevent": text, "peer": text, "details": [text], "evidence": [text]}
    finding["culprit"] = {**FINDING["culprit"], "file": text, "function": text, "source": text, "thread": text}
    data = {
        "findings": [finding],
        "missing": [text],
        "killed": [{"pid": 1, "signal": text, "seconds": 1, "command": text, "note": text}],
        "survivors": [{"pid": 2, "command": text, "reason": text}],
        "checks": [{"name": text, "state": text, "message": text}],
        "overrides": [text],
    }
    steps = (StepRecord(1, "why", text, "ok", OPENED, 1.0, text, data),)
    return incident(
        service=text,
        request=text,
        repeated=text,
        root_cause=text,
        fix=text,
        steps=steps,
        trigger=Trigger(text, text, text),
        notes=((OPENED, text, text),),
        overridden=text,
    )


PLAIN = {
    *("h1", "h2", "h3", "p", "strong", "em", "code", "pre", "ul", "ol", "li", "br"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "<http://evil.example>",
    "| a | b |",
    "`code` ``` fence",
    "# heading",
    "</pre></code></table>",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31mred\x1b]0;title\x07",
    "a\nb\r\nc",
    "evil\u202egpj.exe",
    "-----\n* * *",
    "&lt;b&gt;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_strangers_wrote_is_shown_and_never_obeyed(text: str) -> None:
    page = build(poisoned(text), Path("/nonexistent"))
    made = Page(html(page))
    assert {tag for tag, _ in made.tags} <= KNOWN
    for tag, attributes in made.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("href", "src")], tag
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown(page))
    tags = Page(rendered).tags
    assert {tag for tag, _ in tags} <= {
        *(
            "h1",
            "h2",
            "h3",
            "p",
            "strong",
            "em",
            "code",
            "pre",
            "ul",
            "ol",
            "li",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "br",
        )
    }, rendered
    assert sum(tag == "h1" for tag, _ in tags) == 1
    assert "49" not in [word.strip() for word in made.shown]


NASTY = st.text(
    st.one_of(st.characters(), st.sampled_from("<>&\"'`|[]()!*_#\\\n\r\t\x1b\x07\x00\x9b\u202e\u2066\u200b{}%")),
    max_size=40,
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.same_everywhere("gives thousands of inputs to code that asks no system")
@settings(max_examples=150, deadline=None)
@given(NASTY)
def test_no_text_can_steer_a_terminal_or_forge_a_page(text: str) -> None:
    page = build(poisoned(text), Path("/nonexistent"))
    for made in (markdown(page), html(page), as_json(page, poisoned(text)), write.one_line(poisoned(text))):
        assert not _CONTROL.search(made)
    assert {tag for tag, _ in Page(html(page)).tags} <= KNOWN


def test_no_secret_of_a_step_reaches_a_report() -> None:
    bad = poisoned("password=hunter2XyZ and Bearer hunter2XyZ12345")
    page = build(bad, Path("/nonexistent"))
    for made in (markdown(page), html(page), as_json(page, clean(bad))):
        assert "hunter2XyZ" not in made


def test_the_page_allows_no_script_and_no_request() -> None:
    made = Page(html(build(incident(), Path("/nonexistent"))))
    policy = next(str(attributes["content"]) for tag, attributes in made.tags if "http-equiv" in attributes)
    assert "default-src 'none'" in policy and "script" not in policy
    assert not [tag for tag, _ in made.tags if tag in ("script", "link", "img", "iframe", "form")]
    assert any(attributes.get("name") == "viewport" for _, attributes in made.tags)


def test_a_curve_keeps_its_peak_and_says_it_in_words() -> None:
    points = [(float(n), 1000.0) for n in range(5000)]
    points[2500] = (2500.0, 9000.0)
    found = curve("Memory", points, bytes_shown)
    assert found is not None and found.path.count("L") < 400
    assert "most 8.8 KiB" in found.text and "over 1h 23m" in found.text
    assert curve("Memory", points[:1], bytes_shown) is None
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", found.path)]
    assert min(numbers) >= 0 and max(numbers) <= 600


def test_one_line_tells_it_all() -> None:
    assert write.one_line(incident(repeated="")) == (
        "shop recovered in 14.5s: lock-deadlock at server.py:30, 2 processes ended"
    )


def test_what_to_type_is_the_line_that_was_typed_and_then_each_step_by_hand(folder: Path) -> None:
    typed = "wd --home '/srv/on call' run frozen-server --service shop --yes"
    found = incident(trigger=Trigger("person", typed, "kim", typed=typed, home="/srv/on call"))
    commands = build(found, folder).commands
    assert commands[0] == typed
    assert "wd snapshot --within 5s --service shop" in commands
    typed = "wd --home /srv kill --service shop"
    alone = replace(found, runbook="kill", steps=(step(1, "kill"),), trigger=Trigger("person", "", "kim", typed=typed))
    assert build(alone, folder).commands == (typed,)


def test_a_giving_up_says_that_a_person_is_needed_why_and_how_to_go_on() -> None:
    called = incident(
        runbook="give-up", outcome="done", trigger=Trigger("death", "died", gave_up="it died 3 times (pid 7)")
    )
    page = build(called, Path("/nowhere"))
    assert (page.outcome, page.good) == ("given up", False)
    assert page.headline == "shop is left as it is, and a person is needed: it died 3 times (pid 7)"
    assert called.record()["given_up"] == "it died 3 times (pid 7)"
    assert "wd resume shop    # once fixed" in page.commands
    assert not any("run give-up" in line for line in page.commands)
    assert write.one_line(called).startswith("shop given up")


def test_code_in_a_sentence_is_set_as_code_and_nothing_else_is_markup() -> None:
    text = "call `wait(timeout=5)`, not `<b>` or <i>"
    page = html(build(incident(root_cause=text), Path("/nonexistent")))
    assert "call <code>wait(timeout=5)</code>, not <code>&lt;b&gt;</code> or &lt;i&gt;" in page


def test_a_compiled_template_that_is_damaged_or_cannot_be_kept_only_costs_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = build(incident(), Path("/nonexistent"))
    usual = markdown(page)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    environment = render._markdown_environment()
    for directory in (folder, folder / "missing"):
        kept = render._Compiled()
        kept.directory = str(directory)
        monkeypatch.setattr(environment, "bytecode_cache", kept)
        for _ in range(2):
            environment.cache.clear()
            assert markdown(page) == usual
            for file in directory.glob("*"):
                file.write_bytes(file.read_bytes()[:40])
    assert len(list(folder.glob("jinja-*.bin"))) == 1
