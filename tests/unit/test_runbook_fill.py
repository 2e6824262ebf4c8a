"""A value stays a value: no template, no second word, no option, and no template can run for ever."""

from __future__ import annotations

import time

import pytest

from watchdog.model.errors import BadConfig
from watchdog.runbook.fill import LONGEST_WORD, Value, fill, fill_words, names
from watchdog.runbook.plan import split


def filled(line: str, **values: Value) -> tuple[str, ...]:
    return fill_words(split(line), values)


@pytest.mark.parametrize(
    "value",
    [
        "x; touch /pwn",
        "$(id)",
        "a b",
        "a\nb",
        "'",
        '"',
        "\\",
        "{{ other }}",
        "{% for i in x %}",
        "#",
        "* ?",
        "",
        "ü\u202e",
    ],
)
def test_whatever_a_value_holds_it_stays_one_word(value: str) -> None:
    assert filled("exec echo x{{ name }}", name=value, other="secret") == ("exec", "echo", f"x{value}")


@pytest.mark.parametrize("line", ["kill {{ name }}", "kill '{{ name }}'", "kill {{name}}{{name}}"])
@pytest.mark.parametrize("value", ["--version", "-rf", "--force"])
def test_a_value_cannot_become_an_option(line: str, value: str) -> None:
    with pytest.raises(BadConfig, match="cannot be filled in") as caught:
        filled(line, name=value)
    assert "taken for an option" in caught.value.why


def test_a_dash_is_harmless_behind_two_dashes_and_inside_an_option() -> None:
    assert filled("exec grep -- {{ name }} log", name="--version")[3] == "--version"
    assert filled("kill --grace={{ grace }}", grace="-1s") == ("kill", "--grace=-1s")


def test_an_empty_value_leaves_no_empty_word() -> None:
    with pytest.raises(BadConfig, match="empty value"):
        filled("kill --service {{ name }}", name="")


def test_an_unknown_name_is_an_error_and_not_nothing() -> None:
    with pytest.raises(BadConfig) as caught:
        filled("exec rm -rf {{ folder }}/*")
    assert "'folder' is undefined" in caught.value.why


def test_numbers_and_a_few_filters_are_filled_in() -> None:
    assert filled("verify --healthy {{ n }}", n=3) == ("verify", "--healthy", "3")
    assert fill("{{ name | upper }}", {"name": "shop"}) == "SHOP"
    assert fill("{{ name | default('5s') }}", {}) == "5s"
    assert fill("{{ name|trim|lower }}-{{ name }}", {"name": " A "}) == "a- A "


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(10**9) %}{% for j in range(10**9) %}x{% endfor %}{% endfor %}",
        "{{ 'a' * 10**9 }}",
        "{{ 10**10**10 }}",
        "{{ name.__class__.__mro__ }}",
        "{{ name['__class__'] }}",
        "{{ name.kill() }}",
        "{{ process.kill() }}",
        "{{ name() }}",
        "{{ range(9) }}",
        "{{ lipsum() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self }}",
        "{{ self.__init__ }}",
        "{{ name|attr('__class__') }}",
        "{{ name|center(1000000000) }}",
        "{{ name|default(other) }}",
        "{{ name if name else name }}",
        "{{ name ~ name }}",
        "{{ name is defined }}",
        "{{ [name] }}",
        "{{ {'a': name} }}",
        "{% set x = 1 %}",
        "{% if name %}x{% endif %}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{% macro m() %}{% endmacro %}",
        "{% call m() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{{ '%s' % name }}",
        "{{ -name }}",
        "{{ name[0:1] }}",
        "{{ name",
        "{% ",
        "{{ }}",
        "{{" + "(" * 400 + "name" + ")" * 400 + "}}",
        "{{ name }}" + "x" * 2000,
    ],
)
def test_nothing_but_a_name_is_let_through_and_nothing_of_it_runs(template: str) -> None:
    begun = time.process_time()
    with pytest.raises(BadConfig, match="cannot be filled in"):
        fill(template, {"name": "shop", "other": "x", "process": "y"})
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize("value", [None, ["a"], {"a": 1}, object(), print])
def test_only_texts_and_numbers_go_in(value: object) -> None:
    with pytest.raises(BadConfig, match="cannot be filled in"):
        fill("{{ name }}", {"name": value})  # type: ignore[dict-item]


def test_a_word_has_an_end() -> None:
    with pytest.raises(BadConfig) as caught:
        fill("{{ name }}", {"name": "x" * (LONGEST_WORD + 1)})
    assert "longer than" in caught.value.why


def test_braces_that_are_no_template_stay() -> None:
    assert filled("""exec curl -d '{"a": {"b": 1}}' {x} {}""") == ("exec", "curl", "-d", '{"a": {"b": 1}}', "{x}", "{}")


def test_the_names_that_a_word_uses_are_told() -> None:
    assert names("--x={{ a }}{{ b|upper }}") == {"a", "b"}
    assert names("plain") == frozenset()
