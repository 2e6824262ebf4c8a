"""When what stays behind is a leak: the rule, and the figures it was made for."""

from __future__ import annotations

from watchdog.leak.chart import chart
from watchdog.leak.verdict import Round, compare, judge


def rounds(*pairs: tuple[int, int], size: int = 0) -> tuple[Round, ...]:
    return tuple(Round(calls, objects, objects, size * calls, 0.1) for calls, objects in pairs)


def test_ten_times_the_calls_and_ten_times_the_objects_is_a_leak() -> None:
    found = judge(rounds((1, 100), (10, 1000)))
    assert found.answer == "leak"
    assert "100.00 objects a call" in found.rule


def test_what_only_the_first_call_leaves_is_an_initial_cost() -> None:
    found = judge(rounds((1, 100), (10, 0)))
    assert (found.answer, "initial cost" in found.rule) == ("sound", True)


def test_one_object_a_call_is_enough_at_ten_calls() -> None:
    assert judge(rounds((1, 3), (10, 10))).answer == "leak"


def test_some_stray_objects_over_a_thousand_calls_are_none() -> None:
    for stray in (24, 44, 56):
        found = judge(rounds((1, 30), (10, 2), (100, 5), (1000, stray)))
        assert found.answer == "sound"
        assert f"{stray / 1000:.2f} objects a call" in found.rule


def test_a_cache_that_fills_up_and_stops_is_none() -> None:
    found = judge(rounds((1, 1), (10, 10), (100, 54), (1000, 1)))
    assert (found.answer, "cache" in found.rule) == ("sound", True)


def test_bytes_that_no_collector_tracks_are_a_leak_too() -> None:
    found = judge(rounds((1, 0), (10, 0), size=5000))
    assert (found.answer, "hold no others" in found.rule) == ("leak", True)


def test_in_between_more_calls_are_asked_for() -> None:
    assert judge(rounds((1, 5), (10, 5))).answer == "unsure"
    assert judge(rounds((1, 5))).answer == "unsure"


def test_a_comparison_tells_each_round_that_both_runs_have() -> None:
    (line,) = compare(rounds((1, 5), (10, 20)), rounds((10, 0), (100, 0)))
    assert line.startswith("10 calls: +2.00 objects a call before, +0.00 now (less)")


def test_a_flat_curve_looks_flat_and_a_rising_one_rises() -> None:
    flat = chart([(float(at), 100e6) for at in range(20)]).splitlines()
    rising = chart([(float(at), 100e6 + at * 10e6) for at in range(20)]).splitlines()
    assert "█" * 20 in flat[0]
    assert rising[0].count("█") <= 2 and rising[7].count("█") >= 18
    assert chart([]) == ""
    assert "19s" in rising[-1]
