"""Logs are read on from where the last look stopped, whatever happens to the file in between."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.model.probing import Sample
from watchdog.model.selector import Selector
from watchdog.probes.log import forget_matches
from watchdog.probes.run import probe


class Log:
    """A log and a probe on it that remembers."""

    def __init__(self, path: Path, subject: str = "Out of memory", **settings: object) -> None:
        self.path, self.bookmark = path, ""
        self._spec = ProbeSpec("errors", "log", subject, settings=tuple(settings.items()))
        self._playbook = Playbook("shop", Selector(port=8000), logs=(str(path),))

    def write(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)

    def ask(self, at: float = 1000.0) -> Sample:
        sample = probe(self._spec, self._playbook, None, at, self.bookmark)
        self.bookmark = sample.bookmark
        return sample


@pytest.fixture
def log(folder: Path) -> Log:
    log = Log(folder / "shop.log")
    log.write("old: Out of memory\n")
    assert log.ask().verdict == "ok", "what stood there before is the past"
    return log


def test_a_line_that_comes_is_told_and_stays_for_its_time(log: Log) -> None:
    log.write("worker was sent SIGKILL! Perhaps Out of memory?\n")
    found = log.ask()
    assert found.verdict == "failed"
    assert "Perhaps" in found.message
    assert log.ask(1030.0).verdict == "failed"
    assert log.ask(1061.0).verdict == "ok"


def test_a_run_that_followed_makes_old_matches_old(log: Log) -> None:
    log.write("Out of memory\n")
    assert log.ask().verdict == "failed"
    log.bookmark = forget_matches(log.bookmark)
    assert log.ask(1001.0).verdict == "ok"
    log.write("Out of memory\n")
    assert log.ask(1002.0).verdict == "failed"


def test_a_line_is_taken_when_its_end_has_come(log: Log) -> None:
    log.write("Out of ")
    assert log.ask().verdict == "ok"
    log.write("memory\n")
    assert log.ask().verdict == "failed"


def test_a_burst_counts_and_single_lines_do_not(folder: Path) -> None:
    log = Log(folder / "shop.log", '" 503 ', count=3, within=10.0)
    log.write("")
    log.ask()
    for number in range(3):
        log.write('GET / HTTP/1.1" 503 0\n')
        assert log.ask(1000.0 + 6 * number).verdict == "ok"
    log.write('GET / HTTP/1.1" 503 0\n' * 2)
    assert log.ask(1013.0).verdict == "failed"


def test_a_pattern_is_a_pattern_only_if_that_was_said(folder: Path) -> None:
    plain, pattern = Log(folder / "a.log", "a.c"), Log(folder / "b.log", "a.c", regex=True)
    for log, verdict in ((plain, "ok"), (pattern, "failed")):
        log.write("")
        log.ask()
        log.write("abc\n")
        assert log.ask().verdict == verdict


def test_rotation_loses_no_line(log: Log) -> None:
    log.write("calm\n")
    log.ask()
    log.write("Out of memory\n")
    log.path.rename(log.path.with_name("shop.log.1"))
    log.write("fresh\n")
    assert log.ask().verdict == "failed"


def test_truncation_and_replacement_begin_anew(log: Log) -> None:
    log.write("calm\n" * 100)
    log.ask()
    log.path.write_text("Out of memory\n")
    assert log.ask().verdict == "failed"


@pytest.mark.posix("Windows has no named pipe in a folder")
def test_a_log_that_is_none_tells_nothing_about_the_server(folder: Path) -> None:
    assert Log(folder / "missing.log").ask().verdict == "unknown"
    os.mkfifo(folder / "pipe.log")
    assert Log(folder / "pipe.log").ask().verdict == "unknown"
    assert Log(folder).ask().verdict == "unknown"


def test_a_huge_leap_is_read_from_its_end_and_in_time(log: Log) -> None:
    with log.path.open("a") as file:
        file.truncate(1 << 40)
        file.seek(0, 2)
        file.write("\nOut of memory\n")
    begun = time.monotonic()
    assert log.ask().verdict == "failed"
    assert time.monotonic() - begun < 10


def test_one_endless_line_is_looked_at_only_so_far(log: Log) -> None:
    log.write("x" * 3_000_000 + "Out of memory\n")
    assert log.ask().verdict == "ok"


def test_silence_is_told_by_the_files_own_time(folder: Path) -> None:
    path = folder / "shop.log"
    path.write_text("x\n")
    os.utime(path, (900.0, 900.0))
    log = Log(folder / "other.log", str(path), silence=60.0)
    assert log.ask(950.0).verdict == "ok"
    assert log.ask(1000.0).verdict == "failed"


@pytest.mark.parametrize("bookmark", ["{", "[]", '"x"', '{"places": 3}', '{"times": ["x"]}', "\x00"])
def test_a_damaged_bookmark_never_leads_to_a_failure(log: Log, bookmark: str) -> None:
    log.bookmark = bookmark
    assert log.ask().verdict in ("ok", "unknown")


def test_a_line_on_which_the_pattern_takes_too_long_is_skipped_and_told_and_later_lines_are_found(folder: Path) -> None:
    log = Log(folder / "shop.log", r"^(?!INFO)user=(\w+\s?)+$", regex=True)
    log.write("begins\n")
    log.ask()
    log.write(f"user={'a' * 60}!\n")
    found = log.ask(1001.0)
    assert (found.verdict, found.message) == ("unknown", "1 line skipped: the pattern takes too long on them")
    assert log.ask(1002.0).verdict == "ok"
    log.write("user=bob\n")
    assert log.ask(1003.0).verdict == "failed"
