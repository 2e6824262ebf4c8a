"""The kind of growth that a series of memory measurements shows."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.leak.curve import classify

MIB = 1 << 20


def series(function, count: int = 30, every: float = 1.0, noise: float = 0.0) -> list[tuple[float, float]]:
    chance = random.Random(1)
    return [(at * every, function(at) + chance.uniform(-noise, noise)) for at in range(count)]


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("flat", lambda at: 100 * MIB),
        ("flat", lambda at: 100 * MIB + 2 * MIB * (at % 2)),
        ("linear", lambda at: (100 + 5 * at) * MIB),
        ("linear", lambda at: (2300 + 20 * at) * MIB),
        ("quadratic", lambda at: (100 + at * at) * MIB),
        ("quadratic", lambda at: 100 * MIB * math.exp(at / 8)),
        ("step", lambda at: (100 if at < 10 else 700) * MIB),
        ("initial", lambda at: (100 + min(at, 6) * 30) * MIB),
        ("initial", lambda at: (100 + 200 * (1 - math.exp(-at / 3))) * MIB),
        ("falls", lambda at: (100 + (10 * at if at < 20 else 40)) * MIB),
        ("falls", lambda at: (100 + 60 * abs(math.sin(at / 5))) * MIB),
    ],
)
@pytest.mark.parametrize("noise", [0, MIB])
def test_each_kind_is_known_also_with_noise(kind: str, function, noise: float) -> None:
    assert classify(series(function, noise=noise)).kind == kind


def test_a_sawtooth_of_a_working_collector_is_no_leak() -> None:
    assert not classify(series(lambda at: (200 + 40 * (at % 7)) * MIB, 60)).leaks


def test_a_late_rise_grows_ever_faster() -> None:
    gigabytes = [2.30, 2.33, 2.36, 2.40, 2.43, 2.47, 2.5, 3.4, 4.5, 5.8]
    found = classify([(10.0 * place, value * 1024 * MIB) for place, value in enumerate(gigabytes)])
    assert found.kind == "quadratic"


def test_a_single_jump_at_the_very_end_is_not_yet_a_step() -> None:
    assert classify(series(lambda at: (100 if at < 29 else 700) * MIB)).kind != "step"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_measurements_tell_nothing(count: int) -> None:
    assert classify(series(lambda at: at * 100 * MIB, count)).kind == "unknown"


def test_the_time_to_a_limit_follows_the_pace() -> None:
    found = classify(series(lambda at: (100 + 5 * at) * MIB, every=2.0))
    assert found.rate == pytest.approx(2.5 * MIB)
    assert found.time_to(found.last + 250 * MIB) == pytest.approx(100)
    assert found.time_to(50 * MIB) == 0.0


def test_growth_that_gains_reaches_the_limit_sooner() -> None:
    found = classify(series(lambda at: (100 + at * at) * MIB))
    to_double = found.time_to((100 + 58 * 58) * MIB)
    assert to_double is not None and 25 <= to_double <= 33  # the curve itself takes 29 s


def test_what_does_not_leak_reaches_no_limit() -> None:
    assert classify(series(lambda at: 100 * MIB)).time_to(200 * MIB) is None


def test_counts_of_objects_have_a_floor_of_their_own() -> None:
    assert classify(series(lambda at: 1000 + 10 * at), least=50).kind == "linear"


@given(st.lists(st.floats(0, 1e12), max_size=60))
def test_any_series_has_an_answer(values: list[float]) -> None:
    found = classify([(float(place), value) for place, value in enumerate(values)])
    assert found.words
    assert found.time_to(1e13) is None or found.time_to(1e13) >= 0
