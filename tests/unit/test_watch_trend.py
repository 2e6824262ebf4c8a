from __future__ import annotations

import random

from watchdog.watch.trend import line_through, seconds_left


def test_a_steady_leak_is_seen_to_reach_its_limit() -> None:
    points = [(float(second), 1e9 + 1e6 * second) for second in range(0, 600, 10)]
    left = seconds_left(points, 2e9)
    assert left is not None
    assert abs(left - (2e9 - points[-1][1]) / 1e6) < 1


def test_a_disk_that_fills_reaches_its_limit_from_above() -> None:
    points = [(float(second), 9e9 - 1e6 * second) for second in range(0, 600, 10)]
    assert seconds_left(points, 8e9) is not None
    assert seconds_left([(x, 18e9 - y) for x, y in points], 8e9) is None, "it gets emptier"


def test_noise_is_no_trend() -> None:
    dice = random.Random(3)
    points = [(float(second), 1e9 + dice.uniform(-1e8, 1e8)) for second in range(0, 600, 10)]
    assert seconds_left(points, 2e9) is None


def test_few_or_equal_points_tell_nothing() -> None:
    assert line_through([(0.0, 1.0), (1.0, 2.0)]) is None
    assert line_through([(float(second), 5.0) for second in range(50)]) is None
    assert line_through([(7.0, float(value)) for value in range(50)]) is None
