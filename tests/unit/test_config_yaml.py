"""YAML holds no surprises: what looks like a trap stays text or is told, and nothing in a file can make wd hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchdog.config import playbooks, yaml


def read(text: str | bytes) -> yaml.Document:
    return yaml.read(text.encode() if isinstance(text, str) else text, "f.yml")


@pytest.mark.parametrize(
    "word",
    ["22:22", "0755", "0o17", "0x1F", "NO", "yes", "on", "1.10", "1_0", ".inf", ".nan", "2026-01-01", "1e3", "=", "+5"],
)
def test_what_yaml_would_turn_into_something_else_stays_as_it_was_written(word: str) -> None:
    assert read(f"key: {word}\n").data == {"key": word}


def test_the_key_on_stays_on() -> None:
    assert read("on: x\nyes: 1\nnull: 2\n").data == {"on": "x", "yes": "1", "null": "2"}


@pytest.mark.parametrize(
    "word", ["22:22", "0755", "NO", "1_0", "１２", "+5", "2026-01-01", "0x50", ".inf", "1e3", "80.0", "'80 '"]
)
def test_what_is_no_plain_number_is_no_port(word: str) -> None:
    document, _ = playbooks.check(f"service: a\nfind: {{port: {word}}}\n".encode(), Path("f.yml"), Path("/"))
    assert [str(one).startswith("f.yml:2:14: find.port: this needs a port from 1") for one in document.mistakes] == [
        True
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yml:3:1: a: the key stands here twice; the first is in line 1"),
        ("a: {b: 1, b: 2}\n", "f.yml:1:11: a.b: the key stands here twice"),
        ("a: &x 1\nb: *x\n", "f.yml:1:4: an anchor (&name) is not used here"),
        ("a: !!python/object/apply:os.system [id]\n", "f.yml:1:4: a tag is not used here"),
        ("a: !!int 3\n", "f.yml:1:4: a tag is not used here"),
        ("a: 1\n---\nb: 2\n", "f.yml:2:1: only one document a file"),
        ("a:\n\tb: 1\n", "a tab stands where only spaces may"),
        ("a: b: c\n", "needs quotes"),
        ("a: 'x\n", "a quote or bracket is not closed"),
        ("a: [1, 2\n", "a quote or bracket is not closed"),
        ("a\nb: 1\n", "the line before lacks its ': '"),
        ("a: @x\n", "needs quotes"),
        ("? [a]\n: b\n", "a key must be a word"),
        ("a: \x07\n", "a character that YAML does not allow (got '\\x07')"),
        ('a: "\\Uffffffff"\n', "this is not YAML"),
        ("\x00", "a character that YAML does not allow"),
        ("", "the file is empty"),
        ("# only a remark\n", "the file is empty"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    assert told in " ".join(map(str, read(text).mistakes))


def test_a_file_that_is_not_utf_8_is_told_with_its_line() -> None:
    assert [str(one) for one in read(b"a: 1\nb: \xff\n").mistakes] == [
        "f.yml:2:1: the text is not UTF-8 (got byte 0xff)"
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    assert read(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n").data == {"a": "1", "b": "2"}


def test_only_what_is_not_quoted_can_mean_nothing() -> None:
    assert read("a: ~\nb:\nc: ''\nd: 'null'\ne: null\n").data == {"a": None, "b": None, "c": "", "d": "null", "e": None}


def test_aliases_cannot_make_a_small_file_huge() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{this}: &{this} [{','.join([f'*{before}'] * 9)}]\n"
        for before, this in zip("abcdefgh", "bcdefghi", strict=True)
    )
    document = read(bomb)
    assert not document.usable
    assert "write the value out" in str(document.mistakes[0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- " * 30 + "x", "nested deeper than 20 levels"),
        ("[" * 5000, "nested deeper than 20 levels"),
        ("{a: " * 5000, "nested deeper than 20 levels"),
        ("[" + "1," * 30_000 + "1]", "more than 20000 values"),
        ("a: " + "x" * (256 * 1024), "a file of more than 256 KiB"),
    ],
)
def test_depth_length_and_size_have_ends(text: str, told: str) -> None:
    assert told in str(read(text).mistakes[-1])


def test_places_of_a_part_count_from_the_top_of_its_file() -> None:
    assert yaml.read(b"a: 1\na: 2\n", "f.md", first_line=2).mistakes[0].line == 3
