"""The task for Windows: valid by the Task Scheduler's own rules, and every word reaches wd as it was."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from watchdog.commands.timetable import Job, task_xml

xmlschema = pytest.importorskip("xmlschema")
SPACE = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
START = "2026-01-31T00:00:00"
PROGRAM = "C:\\Program Files\\wd & Co\\wd.exe"
JOB = Job("wd-shop-all-abc123", (PROGRAM, "--home", "C:\\on call", "tick"), 300.0, "wd looks after shop", "C:\\on call")
ODD = [
    "C:\\a & b",
    'C:\\<kim\'s> "café" 100%',
    "C:\\ends in a backslash\\",
    "C:\\日本語\\été",
    'says \\"quoted\\" and \\\\"more"',
    "]]> &amp; <!-- -->",
    "",
    "C:\\😀",
    "\\\\server\\share\\",
]


@pytest.fixture(scope="module")
def rules() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(Path(__file__).parents[1] / "task.xsd"))


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text.encode("utf-8"))


def value(root: ET.Element, path: str) -> str:
    found = root.findtext(path, namespaces=SPACE)
    assert found is not None, path
    return found


def as_windows_reads_it(line: str) -> list[str]:
    """The rules of CommandLineToArgvW for everything behind the program's name, written down once more."""
    words, word, quoted, begun, slashes = [], "", False, False, 0
    for letter in line:
        if letter == "\\":
            slashes, begun = slashes + 1, True
            continue
        if letter == '"':
            word += "\\" * (slashes // 2)
            if slashes % 2:
                word += '"'
            else:
                quoted, begun = not quoted, True
        else:
            word += "\\" * slashes
            if letter in " \t" and not quoted:
                words, word, begun = [*words, word] if begun else words, "", False
            else:
                word, begun = word + letter, True
        slashes = 0
    word += "\\" * slashes
    return [*words, word] if begun else words


@pytest.mark.parametrize("every", [60, 90, 300, 3600, 5400, 86400, 90061, 31 * 86400])
@pytest.mark.parametrize("odd", ODD)
def test_a_task_keeps_the_rules_of_the_task_scheduler(rules: xmlschema.XMLSchema, every: float, odd: str) -> None:
    job = replace(JOB, command=(PROGRAM, "--home", odd, "tick"), summary=odd, every=every, folder=odd or "C:\\")
    rules.validate(task_xml(job, START))


@pytest.mark.parametrize("odd", ODD)
def test_every_word_reaches_wd_as_it_was(odd: str) -> None:
    root = parsed(task_xml(replace(JOB, command=(PROGRAM, "--home", odd, "tick"), folder=odd, summary=odd), START))
    assert value(root, "t:Actions/t:Exec/t:Command") == PROGRAM
    assert as_windows_reads_it(value(root, "t:Actions/t:Exec/t:Arguments")) == ["--home", odd, "tick"]
    assert value(root, "t:Actions/t:Exec/t:WorkingDirectory") == odd
    assert odd in value(root, "t:RegistrationInfo/t:Description")


@pytest.mark.parametrize(
    "mistake",
    [
        ("PT5M", "PT30S"),
        ("PT5M", "P32D"),
        ("PT5M", "5 minutes"),
        ("IgnoreNew", "Ignore"),
        ('Context="Author"', 'Context="Nobody"'),
        (START, "today"),
        ("<Command>", "<Order>x</Order><Command>"),
        (f"<StartBoundary>{START}</StartBoundary>", ""),
    ],
)
def test_the_rules_find_a_mistake(rules: xmlschema.XMLSchema, mistake: tuple[str, str]) -> None:
    text = task_xml(JOB, START)
    assert mistake[0] in text
    broken = text.replace(*mistake)
    if not mistake[1]:  # what a task exported by Windows has, and its schema has not: the start behind the repetition
        broken = broken.replace("</Repetition>", f"</Repetition>{mistake[0]}")
    assert not rules.is_valid(broken)


def test_the_parts_of_a_task_may_stand_in_any_order_and_those_of_a_trigger_may_not(rules: xmlschema.XMLSchema) -> None:
    root = parsed(task_xml(JOB, START))
    root[:] = reversed(root)
    assert rules.is_valid(root)
    (trigger,) = root.findall("t:Triggers/t:TimeTrigger", SPACE)
    trigger[:] = reversed(trigger)
    assert not rules.is_valid(root)


def test_the_text_can_be_read_in_the_encoding_of_any_file_that_it_is_put_in() -> None:
    text = task_xml(replace(JOB, summary="été 日本語"), START)
    for content in (text.encode("utf-8"), b"\xff\xfe" + text.encode("utf-16-le"), text.encode("utf-8-sig")):
        assert "été 日本語" in value(ET.fromstring(content), "t:RegistrationInfo/t:Description")


@pytest.mark.parametrize(
    ("every", "text"),
    [(60, "PT1M"), (90, "PT1M30S"), (3600, "PT1H"), (5400, "PT1H30M"), (86400, "P1D"), (90000, "P1DT1H")],
)
def test_an_interval_is_written_to_the_second(every: float, text: str) -> None:
    assert value(parsed(task_xml(replace(JOB, every=every), START)), ".//t:Interval") == text


@pytest.mark.parametrize("every", [0, 1, 59, 31 * 86400 + 1])
def test_an_interval_that_it_cannot_keep_is_refused(every: float) -> None:
    with pytest.raises(ValueError, match="1m to 31d"):
        task_xml(replace(JOB, every=every), START)


def test_a_path_that_is_too_long_for_it_is_refused() -> None:
    for job in (replace(JOB, folder="C:\\" + "x" * 260), replace(JOB, command=("C:\\" + "x" * 260, "tick"))):
        with pytest.raises(ValueError, match="260"):
            task_xml(job, START)
