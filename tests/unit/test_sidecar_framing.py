"""Bytes become messages whatever the pieces they come in, and what is not a message is never passed on as one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.sidecar import framing
from watchdog.sidecar.framing import Form, Piece

pytestmark = pytest.mark.same_everywhere("gives thousands of inputs to code that asks no system")

VALUES = st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=20)), max_size=8)


def framed(values: list[dict[str, object]], form: Form) -> bytes:
    return b"".join(framing.encode(form, value) for value in values)


def fed(data: bytes, form: Form, cuts: list[int], most: int = 1 << 20) -> list[Piece]:
    made, found, start = framing.framer(form, most), list[Piece](), 0
    for end in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        found += made.feed(data[start:end])
        start = end
    return found


@given(VALUES, st.sampled_from(["lines", "headers"]), st.lists(st.integers(0, 10_000), max_size=6))
def test_every_cut_of_the_stream_gives_the_same_messages_and_bytes(values: list, form: Form, cuts: list[int]) -> None:
    data = framed(values, form)
    found = fed(data, form, cuts)
    assert [one.value for one in found] == values
    assert b"".join(one.data for one in found) == data


@given(VALUES, st.sampled_from(["lines", "headers"]), st.lists(st.integers(0, 10_000), max_size=6), st.integers(1, 50))
def test_a_message_that_is_too_large_to_be_held_passes_in_parts(
    values: list, form: Form, cuts: list[int], most: int
) -> None:
    data = framed(values, form)
    assert b"".join(one.data for one in fed(data, form, cuts, most)) == data


@given(st.binary(max_size=200), st.sampled_from(["lines", "headers"]), st.lists(st.integers(0, 10_000), max_size=4))
def test_no_bytes_break_the_framer_and_a_message_is_always_json(data: bytes, form: Form, cuts: list[int]) -> None:
    for one in fed(data, form, cuts):
        if one.kind == "message":
            assert isinstance(one.value, dict | list)


@pytest.mark.parametrize("noise", [b"INFO started\n", b"warning: no newline ", b"Content of the cache: 5\n", b"42\n\n"])
def test_log_lines_between_frames_with_headers_are_broken_and_the_frames_come_out(noise: bytes) -> None:
    frame = framing.encode("headers", {"id": 1})
    found = fed(noise + frame + noise + frame, "headers", [3, 20, 40])
    assert [one.data for one in found if one.kind == "message"] == [frame, frame]
    assert b"".join(one.data for one in found if one.kind == "broken").split() == (noise * 2).split()


@pytest.mark.parametrize("line", [b"INFO started\n", b"42\n", b'"text"\n', b"null\n", b'{"a": \n', b"\xff{}\n"])
def test_a_line_that_is_no_object_is_broken(line: bytes) -> None:
    assert [one.kind for one in fed(line + b"{}\n", "lines", [])] == ["broken", "message"]


@pytest.mark.parametrize("cut", range(1, 90))
def test_a_header_of_another_kind_is_part_of_its_frame_wherever_it_is_cut(cut: int) -> None:
    text = json.dumps({"id": 1}).encode()
    kind = b"Content-Type: application/vscode-jsonrpc; charset=utf8\r\n"
    length = b"Content-Length: %d\r\n" % len(text)
    frames = [length + kind + b"\r\n" + text, kind + length + b"\r\n" + text]
    for frame in frames:
        assert [one.data for one in fed(frame + frame, "headers", [cut])] == [frame, frame]


@pytest.mark.parametrize(
    ("beginning", "form"),
    [
        (b'{"id": 1}', "lines"),
        (b"\n [", "lines"),
        (b"Content-Length: 5", "headers"),
        (b"content-type: x", "headers"),
        (b"Conten", None),
        (b"", None),
        (b"EHLO", "raw"),
        (b"\x00\x01", "raw"),
    ],
)
def test_the_first_bytes_of_the_host_tell_the_form(beginning: bytes, form: str | None) -> None:
    assert framing.detect(beginning) == form


def test_what_was_passed_on_in_part_can_be_ended() -> None:
    lines, headers = framing.framer("lines", 10), framing.framer("headers", 10)
    list(lines.feed(b'{"a": "' + b"x" * 50))
    list(headers.feed(b"Content-Length: 100\r\n\r\n" + b"x" * 60))
    assert lines.padding() == b"\n"
    assert headers.padding() == b" " * 40
