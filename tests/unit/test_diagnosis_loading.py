"""Memory that grows while a loop with an end loads something is not a leak."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, AT_REST, PID, REQUEST, STARTED, Thread, evidence

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Configured, Container, Evidence, TaskLook

GROWS = [(40 + 8 * n) << 20 for n in range(12)]
LOADER = """
def fill():
    for number in {each}:
        TILES.append(read(number))


def run():
    {around}:
        fill()
"""
STARTS = (f"Tiles.fill {APP}:4", f"Tiles.run {APP}:9", *STARTED)  # a newer Python tells the class, too


def growing(source: str, calls: tuple[str, ...] = STARTS, **options: object) -> Evidence:
    filler = Thread("loads", calls, call="clock_nanosleep", moves=True)
    rest = Thread("MainThread", AT_REST, call="poll", moves=True)
    seen = evidence(rest, filler, memory=GROWS, health="well", source=source, **options)  # type: ignore[arg-type]
    kept = Container("server.TILES", "TILES", APP, "list", 100, 20 << 20, 1)
    later = replace(kept, length=180, size=40 << 20)
    looks = tuple(TaskLook(PID, at, "3.11", containers=(one,)) for at, one in ((0.5, kept), (4.5, later)))
    return replace(seen, tasks=looks)


def said(seen: Evidence) -> tuple[str, str]:
    first = diagnose(seen).findings[0]
    return first.cause, first.certainty


@pytest.mark.parametrize(
    "each", ["range(500)", "enumerate(sorted(names))", "os.listdir(folder)", "[1, 2]", "table.items()"]
)
def test_a_loop_with_an_end_loads_and_the_server_is_healthy(each: str) -> None:
    assert said(growing(LOADER.format(each=each, around="if True"))) == ("healthy", "likely")


@pytest.mark.parametrize(
    ("each", "around"),
    [
        ("itertools.count()", "if True"),
        ("iter(waiting.get, None)", "if True"),
        ("range(5)", "while True"),
        ("range(5)", "for message in channel.consume()"),
    ],
)
def test_what_has_no_end_is_a_leak_at_its_line(each: str, around: str) -> None:
    seen = growing(LOADER.format(each=each, around=around))
    assert said(seen) == ("memory-leak", "likely")
    assert diagnose(seen).findings[0].culprit.line == 4  # type: ignore[union-attr]


def test_of_a_loop_whose_end_is_not_known_a_young_program_is_believed_and_an_old_one_is_not() -> None:
    """Rows of a file, or messages of a queue: the source looks the same."""
    seen = growing(LOADER.format(each="rows", around="if True"))
    assert said(seen) == ("memory-leak", "likely")
    started = seen.taken - 20
    young = [replace(one, process=replace(one.process, started=started)) for one in seen.tree.members]  # type: ignore[union-attr]
    assert said(replace(seen, tree=replace(seen.tree, members=tuple(young)))) == ("memory-leak", "guess")  # type: ignore[type-var]


def test_what_each_request_adds_is_a_leak_though_its_loop_has_an_end() -> None:
    calls = (f"fill {APP}:4", f"run {APP}:9", *REQUEST)
    assert said(growing(LOADER.format(each="range(5)", around="if True"), calls))[0] == "memory-leak"


def test_what_loads_more_than_fits_is_told_before_it_is_killed() -> None:
    near = Configured(port=8000, url="http://127.0.0.1:8000/health", memory_limit=300 << 20)
    assert said(growing(LOADER.format(each="range(500)", around="if True"), configured=near))[0] == "memory-leak"


def test_growth_of_which_no_variable_is_seen_is_a_guess_and_ends_nothing() -> None:
    seen = replace(growing(""), tasks=())
    first = diagnose(seen).findings[0]
    assert (first.cause, first.certainty, first.advice, first.warns) == ("memory-leak", "guess", "wait", True)


def test_what_was_too_small_to_be_read_at_first_is_named_as_well() -> None:
    seen = growing(LOADER.format(each="itertools.count()", around="if True"))
    first, last = seen.tasks
    seen = replace(seen, tasks=(replace(first, containers=()), last))
    found = diagnose(seen).findings[0]
    assert (found.cause, found.certainty) == ("memory-leak", "likely")
    assert "server.TILES grew from a few to 180 entries" in found.summary
