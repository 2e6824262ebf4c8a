"""The week as a picture: each outage can be seen, the newest and the shortest too."""

from __future__ import annotations

import time
from datetime import datetime

from watchdog.model.incident import Incident, Trigger
from watchdog.web import history_pages
from watchdog.web.history_pages import lanes

NOW = 1_800_000_000.0
DAY = 86400.0


def outage(ago: float, lasted: float, service: str = "shop") -> Incident:
    begun = NOW - ago
    cause = Trigger("probe", "health", "wd watch")
    return Incident(
        "i", begun, service, "bring-back", cause, outcome="recovered", down_since=begun, downtime=lasted, closed=NOW
    )


def test_an_outage_that_has_just_ended_is_as_wide_as_any_other_short_one() -> None:
    ((now, before),) = [lane.marks for lane in lanes([outage(5.0, 4.0), outage(3 * DAY, 4.0)], NOW)]
    assert now.width == before.width == 3.0
    assert now.left + now.width == 700.0
    assert before.left == 400.0


def test_a_long_outage_has_its_length() -> None:
    ((mark,),) = [lane.marks for lane in lanes([outage(3 * DAY, DAY)], NOW)]
    assert (mark.left, mark.width) == (400.0, 100.0)
    ((mark,),) = [lane.marks for lane in lanes([outage(DAY / 2, DAY)], NOW)]
    assert (mark.left, mark.width) == (650.0, 50.0), "what is under way ends now"


def test_the_name_of_a_day_is_left_out_where_it_has_no_room() -> None:
    midnight = datetime.fromtimestamp(time.time()).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    begun, evening = midnight.timestamp() + 3600.0, midnight.timestamp() + 18 * 3600.0
    assert [bool(name) for _, name in history_pages._days(begun)] == [*[True] * 6, False]
    assert [bool(name) for _, name in history_pages._days(evening)] == [True] * 7
