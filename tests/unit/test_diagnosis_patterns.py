"""Which patterns double their time with each further character, and where the source tells the pattern of a line."""

from __future__ import annotations

import pytest
from canned import APP, Thread, evidence

from watchdog.diagnosis.ambiguity import is_exponential
from watchdog.diagnosis.diagnose import diagnose
from watchdog.diagnosis.patterns import pattern_at
from watchdog.model.evidence import SourceFile
from watchdog.model.finding import Finding

MANY_WAYS = (
    r"(a+)+$",
    r"(a*)*b",
    r"(a|aa)+$",
    r"^(\w+\s?)*$",
    r"(\s*\w+\s*)*;",
    r"(x+x+)+y",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(.*a){12,}",
    r"(?:\d{1,3})+x",
    r"^([\w.-]+)+@",
    r"(?:[^\"\\]+|\\.|x)*$",
    r"^(?:(?:\.?[a-zA-Z0-9_\- ]*)*)+!$",
)
ONE_WAY = (
    r"\d+",
    r"(\d{1,3}\.)+x",
    r"(\w+\s)*$",
    r"([a-z]+,)*[a-z]+$",
    r"(?:\"[^\"]*\"|[^,]*),",
    r"(?:[^\"\\]|\\.)*\"",
    r"(a|b)*c",
    r"(ab|cd)+",
    r"(\d{4}-)+",
    r"([^/]+/)*[^/]+",
    r"(?:foo|bar)+baz",
    r"([a-z0-9]+\.)+[a-z]{2,}",
    r"[A-Za-z]+(?:[ '-][A-Za-z]+)*$",
)
FEW_POWERS = (r"\s+$", r".*.*.*x")  # the time grows with a power of the length: it comes to its end
NOT_JUDGED = (r"(?:\b\w+)+", r"(\w)\1+", r"(?:(?=a)a+)+", "(", "[" * 3, "(?:" + "a?" * 200 + ")+")


@pytest.mark.parametrize("pattern", MANY_WAYS)
def test_a_pattern_that_matches_one_text_in_many_ways_is_known(pattern: str) -> None:
    assert is_exponential(pattern)


@pytest.mark.parametrize("pattern", [*ONE_WAY, *FEW_POWERS, *NOT_JUDGED])
def test_a_pattern_that_comes_to_its_end_or_that_cannot_be_judged_is_not_called_so(pattern: str) -> None:
    assert not is_exponential(pattern)


@pytest.mark.parametrize(
    "lines",
    [
        ("import re", "ok = re.match('(a+)+$', text)"),
        ("WORDS = re.compile('(a+)' + '+$', re.I)", "if not WORDS.search(text): pass"),
        ("class Filter: words = re.compile(r'(a+)+$')", "return self.words.findall(text)"),
        ("PATTERN = '(a+)+$'", "ok = re.sub(PATTERN, '', text)"),
    ],
)
def test_the_source_tells_which_pattern_a_line_matches_with(lines: tuple[str, str]) -> None:
    source = SourceFile("/srv/app.py", ((1, lines[0]), (2, "def f(self, text):"), (3, "    " + lines[1])))
    assert pattern_at(source, 3, ()) == "(a+)+$"


@pytest.mark.parametrize(
    "line",
    ["ok = rules[kind].match(text)", "ok = re.match(given, text)", "text.split(',')", "re.match('(a +)+', text, re.X)"],
)
def test_a_pattern_that_the_source_does_not_tell_is_not_guessed(line: str) -> None:
    source = SourceFile("/srv/app.py", ((1, "given = read()"), (2, "given = '(a+)+'"), (3, line)))
    assert pattern_at(source, 3, ()) is None


def verdict(pattern: str) -> Finding:
    source = "\n" * 9 + f"import re\ndef clean(text):\n    return re.match({pattern!r}, text)\n"
    calls = ("match /usr/lib/python3.11/re/__init__.py:166", f"clean {APP}:12")
    seen = evidence(Thread("MainThread", calls, state="R", gil=True), source=source)
    return diagnose(seen).findings[0]


def test_the_report_names_the_pattern_and_says_that_sigterm_has_no_use() -> None:
    found = verdict("(a+)+$")
    assert (found.cause, found.no_end) == ("gil-held-native", True)
    assert "the pattern (a+)+$ can match one text in many ways" in " ".join(found.details)


def test_another_native_call_keeps_its_grace() -> None:
    """A long text or a big sum can come to its end within it."""
    found = verdict("a+$")
    assert (found.cause, found.no_end) == ("gil-held-native", False)
