"""Reports, pages and messages read in Japanese as in English; JSON and whatever a program reads stay English."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import test_report
from babel.messages.catalog import Catalog, Message

from watchdog.diagnosis import rules
from watchdog.model.causes import CAUSES
from watchdog.model.incident import Trigger
from watchdog.report import message, write
from watchdog.report.build import build
from watchdog.report.render import html, html_environment, markdown
from watchdog.text import language
from watchdog.text.language import FOLDER, LANGUAGES, speaking, translated, wanted
from watchdog.text.retelling import KIND

ROOT = Path(__file__).parents[2]
OTHERS = [one for one in LANGUAGES if one != "en"]
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
TO_DO = "run: python docs/catalogue.py, and translate what it counts"


@pytest.fixture(scope="module")
def tool() -> Any:
    import runpy

    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "catalogue.py")))


@pytest.fixture(scope="module")
def template(tool: Any) -> Catalog:
    found: Catalog = tool.template()
    return found


def sentences(found: Message) -> tuple[str, ...]:
    return found.id if isinstance(found.id, tuple) else (found.id,)


def translations(found: Message) -> tuple[str, ...]:
    return found.string if isinstance(found.string, tuple) else (found.string,)


def values(text: str) -> set[str]:
    """The names of the places that a sentence fills in."""
    return {f"{name}:{form}" for _, name, form, _ in string.Formatter().parse(text) if name is not None}


def endings(found: Message) -> set[str]:
    """Values that only make a word plural, as in "process{1}": another language may have none."""
    return {f"{name}:" for text in sentences(found) for name in re.findall(r"[a-z]\{(\d)\}", text)}


@pytest.mark.same_everywhere("judges the source and the documents of the project")
def test_the_collected_sentences_are_those_of_the_code(tool: Any, template: Catalog) -> None:
    assert (FOLDER / "wd.pot").read_text(encoding="utf-8") == tool.as_text(template), TO_DO


@pytest.mark.same_everywhere("judges the source and the documents of the project")
@pytest.mark.parametrize("name", OTHERS)
def test_every_sentence_is_translated_and_no_value_is_lost(tool: Any, template: Catalog, name: str) -> None:
    known = tool.known(name)
    for wanted_one in template:
        if not wanted_one.id:
            continue
        found = known.get(wanted_one.id, wanted_one.context)
        assert found is not None and all(translations(found)), f"{wanted_one.id!r} has no translation; {TO_DO}"
        for one in translations(found):
            lost = values(sentences(found)[-1]) - (endings(found) if found.context == KIND else set())
            assert lost <= values(one) <= values(sentences(found)[-1]), f"{one!r} has other values than {found.id!r}"
            assert not {"<", "&"} & set(one), f"{one!r} would be markup"
    unused = [one.id for one in known if one.id and template.get(one.id, one.context) is None]
    assert not unused, TO_DO


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_compiled_is_what_was_translated(tool: Any, name: str) -> None:
    """Without the first entry, which bears the version of the program that compiled it."""
    import gettext
    import io

    kept = gettext.GNUTranslations((FOLDER / f"{name}.mo").open("rb"))._catalog  # type: ignore[attr-defined]
    made = gettext.GNUTranslations(io.BytesIO(tool.compiled(tool.known(name))))._catalog  # type: ignore[attr-defined]
    assert {**kept, "": ""} == {**made, "": ""}, TO_DO


@pytest.mark.same_everywhere("judges the source and the documents of the project")
def test_each_rule_of_the_diagnosis_says_its_prevention_in_a_constant(tool: Any) -> None:
    """Only what stands in a constant is collected."""
    for path in Path(rules.__file__).parent.glob("*.py"):
        assert not re.search(r"prevent=f?\"", path.read_text(encoding="utf-8")), path.name
    assert len(set(tool.prevention())) > 30


@pytest.fixture
def folder_with_curves(folder: Path) -> Path:
    evidence = folder / "evidence"
    evidence.mkdir()
    series = [{"at": 1, "rss": 5e7, "cpu_percent": 3, "threads": 4}, {"at": 5, "rss": 6e7, "cpu_percent": 9}]
    (evidence / "series.json").write_text(json.dumps(series))
    (evidence / "manifest.json").write_text(json.dumps({"artifacts": []}))
    return folder


def test_a_report_in_japanese_has_no_english_heading_verdict_state_or_cause(folder_with_curves: Path) -> None:
    incident = test_report.incident(downtime_from="probe")
    with speaking("ja"):
        page = build(incident, folder_with_curves)
        told, shown = markdown(page), html(page)
    headings = re.findall(r"^#{2,} (.+)$", told, re.MULTILINE)
    headings += re.findall(r"<(?:h2|h3|dt|th)[^>]*>(.*?)</", shown)
    assert len(headings) > 30
    names = {"pid", "sha256"}
    dates = re.compile(r"\d{4}-\d\d-\d\d .*")
    assert [one for one in headings if one not in names and not JAPANESE.search(one) and not dates.match(one)] == []
    pills = re.findall(r'class="pill [^"]*">([^<]+)<', shown)
    assert len(pills) == 7 and all(map(JAPANESE.search, pills)), pills
    assert '<html lang="ja">' in shown
    assert "shop: 復旧" in told.splitlines()[0]
    assert JAPANESE.search(told.splitlines()[2])
    assert "lock-deadlock: スレッドまたはタスクが互いのロックを待っている" in told
    assert CAUSES["lock-deadlock"].meaning not in told


def test_no_english_sentence_of_the_catalogue_is_left_in_a_japanese_report(
    folder_with_curves: Path, template: Catalog
) -> None:
    """Each sentence that the English report has is another one in the Japanese report."""
    incident = test_report.incident(downtime_from="probe", changed="requirements.txt", repeated="", overridden="")
    page = build(incident, folder_with_curves)
    english = html(page) + markdown(page)
    with speaking("ja"):
        page = build(incident, folder_with_curves)
        japanese = html(page) + markdown(page)
    pieces = {
        part.strip()
        for one in template
        if one.context != KIND  # of these a part alone is no sentence
        for text in sentences(one)
        for part in re.split(r"\{[^}]*\}", text)
        if " " in part.strip() and part.strip() in english
    }
    assert len(pieces) > 15
    recorded = {"wait for each other's lock"}
    assert {one for one in pieces if one in japanese} - recorded == set()


def test_every_sentence_of_a_finding_is_translated(tool: Any) -> None:
    """Of the record's sentences these are read first; a new rule brings its words in all languages."""
    pattern, words = re.compile(r"[\\|^]|\(\?"), re.compile(r"[a-z'’]+ [a-z'’]+ [a-z'’]+")
    advice = {text.strip(" ;,:") for text in tool.prevention()}
    rules_say = tool.recorded.templates("diagnosis/rules", "diagnosis/waits.py", "diagnosis/polling.py")
    said = {text for text in rules_say if words.search(text) and not pattern.search(text)} - advice
    assert len(said) > 100
    for name in OTHERS:
        told = {one.id for one in tool.known(name) if one.context == KIND and one.string}
        assert said - told == set()


def test_a_template_that_was_compiled_for_one_reader_speaks_the_language_of_the_next() -> None:
    text = '{{ "waiting" | word("step") }} {{ _("Why") }} {{ 90 | duration }}'
    with speaking("ja"):
        compiled = html_environment().from_string(text)
        assert JAPANESE.search(compiled.render())
    assert compiled.render() == "waiting Why 1m 30s"


@pytest.mark.parametrize("name", OTHERS)
def test_json_is_the_same_in_every_language(folder_with_curves: Path, name: str) -> None:
    incident = test_report.incident()
    write.write(incident, folder_with_curves)
    english = json.loads((folder_with_curves / "report.json").read_text())
    write.write(incident, folder_with_curves, language=name)
    other = json.loads((folder_with_curves / "report.json").read_text())
    assert english.pop("language") == "en" and other.pop("language") == name
    assert english == other


def test_a_report_that_is_made_again_keeps_its_language(folder: Path) -> None:
    write.write(test_report.incident(), folder, language="ja")
    again = write.write(test_report.incident(fix="one order"), folder).read_text(encoding="utf-8")
    assert "恒久対策: one order" in again
    assert "## Why" in write.write(test_report.incident(), folder, language="en").read_text(encoding="utf-8")


def test_a_damaged_report_is_made_again_in_english(folder: Path) -> None:
    for text in ("", "[1]", '{"language": 7}', '{"language": "xx"}', "{"):
        (folder / "report.json").write_text(text)
        assert "## Why" in write.write(test_report.incident(), folder).read_text(encoding="utf-8")


def test_a_message_is_in_the_language_of_its_playbook() -> None:
    with speaking("ja"):
        told = message.of_incident(test_report.incident(), "", "info")
    assert told.line.startswith("shop: 復旧")
    for line in told.text.splitlines():
        assert JAPANESE.search(line), line


def test_what_strangers_wrote_is_as_harmless_in_every_language(folder: Path) -> None:
    script = "<script>alert(1)</script> {0} {x} \x1b[31m"
    incident = test_report.incident(service=script, request=script, trigger=Trigger("probe", script, script))
    for name in LANGUAGES:
        with speaking(name):
            page = build(incident, folder)
            assert "<script>" not in html(page)
            assert "\x1b" not in html(page) + markdown(page)
            assert r"\<script\>" in markdown(page)


@pytest.mark.parametrize(
    ("header", "language_of_page"),
    [
        ("", "en"), ("ja", "ja"), ("ja-JP,ja;q=0.9,en;q=0.8", "ja"), ("en-US,en;q=0.9,ja;q=0.5", "en"),
        ("fr,de", "en"), ("fr,ja;q=0.1", "ja"), ("ja;q=0", "en"), ("ja;q=nonsense,", "en"), ("*", "en"),
        (",".join(["xx"] * 5000), "en"), ("JA", "ja"), ("ja;q=nan", "en"),
    ],
)  # fmt: skip
def test_a_page_is_in_the_first_of_our_languages_that_the_browser_wants(header: str, language_of_page: str) -> None:
    assert wanted(header) == language_of_page


def test_an_unknown_language_is_english_and_what_is_set_ends_with_its_block() -> None:
    with speaking("xx"):
        assert translated("the server") == "the server"
    with pytest.raises(ZeroDivisionError), speaking("ja"):
        assert translated("the server") == "サーバー"
        _ = 1 / 0
    assert language.current() == "en"
