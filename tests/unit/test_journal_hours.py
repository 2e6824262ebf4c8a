"""A month of answers is read hour by hour: the figures are the same as from each single answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from watchdog.journal.store import Journal
from watchdog.model.probing import Sample, SampleVerdict
from watchdog.report.availability import WINDOWS, availability, joined
from watchdog.system import clock

NOW = 1_800_000_000.0
EVERY = 60.0
BEGINS = [NOW - seconds for _, seconds in WINDOWS]
VERDICTS: tuple[SampleVerdict, ...] = ("ok", "slow", "failed", "unknown")


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    with Journal.open(tmp_path / "logs") as made:
        yield made


def answers(dice: random.Random, count: int) -> list[Sample]:
    """Runs of one verdict, with gaps, the newest at most a few minutes old."""
    found: list[Sample] = []
    at, verdict = NOW - 200.0, dice.choice(VERDICTS)
    for _ in range(count):
        if dice.random() < 0.05:
            verdict = dice.choice(VERDICTS)
        found.append(Sample("health", at, verdict, 0.01, count=dice.choice((1, 1, 1, 5))))
        at -= dice.choice((1.0, EVERY, EVERY, 5000.0))
    return found[::-1]


@pytest.mark.parametrize("seed", range(12))
def test_availability_by_hours_is_that_of_the_answers(seed: int, journal: Journal) -> None:
    dice = random.Random(seed)
    found = answers(dice, 800)
    for at in range(0, len(found), 50):
        journal.add_samples({"shop": found[at : at + 50]})
    edges = sorted(dice.choice((dice.choice(found).at, NOW - dice.random() * 40 * 86400)) for _ in range(12))
    outages = list(zip(edges[::2], edges[1::2], strict=True))
    spans = joined((start, min(NOW, end)) for start, end in outages)
    merged = journal.counted("shop", "health", BEGINS, spans)
    single = journal.samples("shop", "health", NOW - WINDOWS[-1][1])
    for name, seconds in WINDOWS:
        expected = availability(name, seconds, NOW, single, EVERY, outages, ())
        assert availability(name, seconds, NOW, merged, EVERY, outages, ()) == expected
    assert len(merged) < len(single)


def test_thinning_changes_no_count(journal: Journal) -> None:
    journal.add_samples({"shop": answers(random.Random(1), 3000)})
    before = journal.counted("shop", "health", BEGINS, ())
    assert journal.thin() > 0
    after = journal.counted("shop", "health", BEGINS, ())
    totals = [{verdict: sum(one.count for one in found if one.verdict == verdict) for verdict in VERDICTS}
              for found in (before, after)]  # fmt: skip
    assert totals[0] == totals[1]


@pytest.mark.parametrize("seed", range(12))
def test_a_state_began_with_the_first_answer_like_the_newest(seed: int, journal: Journal) -> None:
    found = answers(random.Random(seed), 400)
    journal.add_samples({"shop": found})
    begun = found[-1].at
    for one in reversed(found):
        if one.verdict != found[-1].verdict:
            break
        begun = one.at
    assert journal.unchanged_since("shop", found[-1], NOW - 90 * 86400.0) == begun


def test_many_outages_in_one_hour_are_counted_too(journal: Journal) -> None:
    found = [Sample("health", NOW - 7000.0 + at, "ok", 0.01) for at in range(3600)]
    journal.add_samples({"shop": found})
    spans = [(NOW - 7000.0 + at + 0.5, NOW - 7000.0 + at + 2.5) for at in range(0, 3600, 4)]
    merged = journal.counted("shop", "health", BEGINS, spans)
    assert sum(one.count for one in merged) == 1800
