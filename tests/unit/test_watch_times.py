"""When jobs are due: summer time, Mondays, and clocks that somebody sets."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tzlocal import reload_localzone

from watchdog.watch.heartbeat import Heartbeat
from watchdog.watch.times import STEADY, Every, in_window, next_cron


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset") or not os.path.exists("/usr/share/zoneinfo/Europe/Berlin"):  # noqa: PTH110
        pytest.skip("this system does not change its time zone, or has none")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    reload_localzone()  # it keeps the zone that it read first
    yield
    monkeypatch.undo()
    time.tzset()
    reload_localzone()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_monday_is_day_one_and_seven_is_sunday() -> None:
    monday, sunday = next_cron("0 9 * * 1", utc("2026-01-01T00:00")), next_cron("0 9 * * 7", utc("2026-01-01T00:00"))
    assert monday is not None
    assert sunday is not None
    assert (monday.weekday(), sunday.weekday()) == (0, 6)


def test_a_nightly_check_runs_once_in_both_nights_of_the_time_change(berlin: None) -> None:
    for begin in ("2026-03-28T12:00", "2026-10-24T12:00"):
        moment, times = utc(begin), []
        while True:
            found = next_cron("30 2 * * *", moment)
            assert found is not None
            moment = found.astimezone(UTC)
            if moment > utc(begin) + timedelta(days=3):
                break
            times.append(moment)
        assert len(times) == 3, f"three nights, three runs: {times}"


def test_an_impossible_date_never_comes_and_does_not_hang() -> None:
    assert next_cron("0 0 29 2 *", utc("2026-01-01T00:00")) is not None


def test_a_quiet_window_is_open_from_its_moment_for_its_length() -> None:
    assert in_window("0 3 * * *", 3600.0, utc("2026-05-05T03:30").astimezone())
    assert not in_window("0 3 * * *", 60.0, utc("2026-05-05T09:30").astimezone())


def test_an_interval_keeps_its_phase_and_drops_what_was_missed() -> None:
    due = Every(10.0, first=3.0)
    begun = datetime.now(STEADY)
    first = due.get_next_fire_time(None, begun)
    assert timedelta(seconds=2.5) < first - begun < timedelta(seconds=3.5)
    late = first + timedelta(seconds=35)
    following = due.get_next_fire_time(first, late)
    assert following - first == timedelta(seconds=40)


def test_an_hour_of_intervals_does_not_drift() -> None:
    due = Every(10.0)
    moment = due.get_next_fire_time(None, datetime.now(STEADY))
    first = moment
    for _ in range(360):
        moment = due.get_next_fire_time(moment, moment + timedelta(milliseconds=3))
    assert moment - first == timedelta(hours=1)


def test_the_schedulers_clock_does_not_follow_the_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    before = datetime.now(STEADY)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert timedelta(0) <= datetime.now(STEADY) - before < timedelta(seconds=30)


def test_a_time_in_which_wd_did_not_run_is_noticed() -> None:
    heart = Heartbeat()
    now = time.monotonic()
    assert heart.away(now, now + 0.5) == 0.0
    assert heart.away(now, now + 30.0) > 20.0, "no beat came in all that time"
