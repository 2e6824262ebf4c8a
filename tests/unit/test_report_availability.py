from __future__ import annotations

from watchdog.commands.status_lines import curve
from watchdog.model.probing import Sample, SampleVerdict
from watchdog.report.availability import DAY, availability

NOW = 1_800_000_000.0


def samples(verdict: SampleVerdict, count: int, ago: float, every: float = 10.0) -> list[Sample]:
    return [Sample("health", NOW - ago + number * every, verdict, 0.1) for number in range(count)]


def test_a_day_without_failures_is_a_hundred_percent() -> None:
    found = availability("day", DAY, NOW, samples("ok", 100, 1000.0), 10.0, (), ())
    assert (found.percent, found.down, found.restarts, found.held) == (100.0, 0.0, 0, None)


def test_failures_and_the_outages_of_incidents_count_once() -> None:
    story = samples("ok", 90, 1000.0) + samples("failed", 10, 100.0)
    seen = availability("day", DAY, NOW, story, 10.0, (), ())
    assert (seen.percent, seen.down) == (90.0, 100.0)
    covered = availability("day", DAY, NOW, story, 10.0, [(NOW - 105.0, NOW - 5.0)], ())
    assert covered.down == 100.0
    assert covered.percent == 90.0


def test_overlapping_outages_are_no_longer_than_the_time_they_cover() -> None:
    outages = [(NOW - 100, NOW - 50), (NOW - 80, NOW - 40), (NOW - 2 * DAY, NOW - DAY - 1)]
    assert availability("day", DAY, NOW, samples("ok", 10, 1000.0), 10.0, outages, ()).down == 60.0


def test_thinned_answers_weigh_as_many_as_they_stand_for() -> None:
    story = [Sample("health", NOW - 5000, "ok", 0.1, count=99), Sample("health", NOW - 4000, "failed", 0.1)]
    assert availability("day", DAY, NOW, story, 10.0, (), ()).percent == 99.0


def test_what_could_not_be_told_counts_for_neither_side() -> None:
    story = samples("ok", 5, 1000.0) + samples("unknown", 500, 900.0, 1.0)
    assert availability("day", DAY, NOW, story, 10.0, (), ()).percent == 100.0
    nothing = availability("day", DAY, NOW, samples("unknown", 5, 100.0), 10.0, (), ())
    assert (nothing.percent, nothing.meets(99.9)) == (None, None)


def test_survival_is_the_mean_time_between_restarts() -> None:
    found = availability("day", DAY, NOW, [], 10.0, (), [NOW - 7200, NOW - 3600, NOW - 60, NOW - 9 * DAY])
    assert (found.restarts, found.held) == (3, (7200 - 60) / 2)


def test_a_curve_shows_growth_in_few_columns() -> None:
    assert curve([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█"
    assert curve([5, 5, 5]) == "▁▁▁"
    assert len(curve(list(range(10_000)))) == 40
    assert curve([]) == ""
