"""Whatever stands behind a key, it is a value within its range or a sentence that says what would be right."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from watchdog.config import fields, measures, places
from watchdog.config.fields import Reader
from watchdog.config.yaml import Plain
from watchdog.model.playbook import Percent

pytestmark = pytest.mark.same_everywhere("gives thousands of inputs to code that asks no system")

READERS: list[Reader] = [
    fields.Text(),
    fields.AnyText(),
    fields.Whole(1, 65535),
    fields.Number(1.0, 100.0),
    fields.Choice(("a", "b")),
    fields.Switch(),
    fields.Words(),
    fields.Literal(),
    measures.Duration(0.1, 3600.0),
    measures.Size(share=True),
    measures.Share(),
    measures.CountOrShare(1000),
    measures.Fails(),
    measures.CronLine(),
    places.Location(),
    places.Address(path=True),
    places.Link(),
]
_DIGITS = st.from_regex(r"-?[0-9]{1,40}([.][0-9]{1,40})?", fullmatch=True)
NUMBERS = st.integers().map(str) | st.floats().map(str) | _DIGITS
UNITS = st.sampled_from(["", "ms", "s", "m", "h", "d", "%", "B", "KB", "MB", "GiB", "T", " of 3"])
TEXTS = st.text(max_size=60) | st.builds(lambda number, unit: number + unit, NUMBERS, UNITS)
VALUES = TEXTS | TEXTS.map(Plain) | st.none() | st.lists(TEXTS, max_size=3) | st.dictionaries(TEXTS, TEXTS, max_size=2)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: type(reader).__name__)
@given(value=VALUES)
@example(value="9" * 5000)
@example(value="9" * 5000 + "GB")
@example(value="0" * 31 + "s")
@example(value="٣s")
@example(value="http://[::1")
@example(value="http://a:99999/")
@example(value="0 0 30 2 *")
@example(value="* * * * * *")
@example(value="\ud800")
def test_a_value_is_read_or_refused_with_a_sentence(reader: Reader, value: Any) -> None:
    try:
        reader.read(value)
    except ValueError as error:
        assert str(error)
        assert len(str(error)) < 400


@given(value=TEXTS)
def test_what_is_read_as_a_number_lies_within_its_range(value: str) -> None:
    for reader, low, high in (
        (fields.Whole(1, 65535), 1.0, 65535.0),
        (fields.Number(1.0, 100.0), 1.0, 100.0),
        (measures.Duration(0.1, 3600.0), 0.1, 3600.0),
        (measures.Share(), 0.0, 100.0),
        (measures.Size(), 1.0, float(1 << 60)),
    ):
        try:
            found = reader.read(value)
        except ValueError:
            continue
        number = found.value if isinstance(found, Percent) else float(found)
        assert math.isfinite(number)
        assert low <= number <= high


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("90s", 90.0), ("1h30m", 5400.0), ("7d", 604800.0), ("0.5s", 0.5)]
)
def test_a_duration_is_written_back_as_one_would_write_it(text: str, seconds: float) -> None:
    duration = measures.Duration(0.0, 30 * measures.DAY)
    assert duration.read(text) == seconds
    assert duration.read(measures.written(seconds)) == seconds
