"""Loops that come back to the same state, jobs below a front, and locks that another process keeps."""

from __future__ import annotations

import random
from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, PID, REQUEST, SITE, Thread, evidence

from watchdog.diagnosis import rounds
from watchdog.diagnosis.diagnose import diagnose, settled
from watchdog.diagnosis.spinning import spins
from watchdog.diagnosis.view import View
from watchdog.model.call_state import CallState
from watchdog.model.evidence import Evidence, TaskLook
from watchdog.model.open_files import Descriptor, FileLock

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
CHILD = 200
LOOP = """
def years(rate):
    left = 1000.0
    while left > 1.0:
        left = step(rate, left)
    return left
"""
JOB = (f"execute {SITE}/rq/job.py:1539", f"main_work_horse {SITE}/rq/worker/base.py:1696")


def horse(
    states: tuple[tuple[str, ...], ...],
    source: str = LOOP,
    at: tuple[float, ...] = (0.3, 6.0),
    one_call: bool = False,
) -> Evidence:
    """A worker of RQ below a front that answers; its variables were read at these times."""
    calls = ((f"years {APP}:4", *JOB), (f"step {APP}:20", f"years {APP}:5", *JOB))
    works = Thread("MainThread", [*calls, *calls, calls[0]], state="R", pid=CHILD, tid=CHILD)
    seen = evidence(
        MAIN, works, health="well", source=source, processes=[canned.process(), canned.process(CHILD, PID, forked=True)]
    )
    looks = tuple(
        TaskLook(
            CHILD,
            when,
            "3.11",
            states=tuple(
                CallState(CHILD, "years", APP, one, "job 1" if one_call else f"job {when}") for one in digests
            ),
        )
        for when, digests in zip(at, states, strict=True)
    )
    later = tuple(replace(one, at=one.at * 4) for one in seen.stacks)
    return replace(seen, tasks=looks, stacks=later)


STANDS, GETS_ON = (("a",) * 6, ("a",) * 6), (tuple("abcdef"), tuple("ghijkl"))


@pytest.mark.parametrize(
    ("states", "endless"),
    [
        (STANDS, True),
        ((tuple("abcabc"), tuple("cababc")), True),
        ((("a", "a", "x", "a", "a", "y"), ("a",) * 6), True),
        (GETS_ON, False),
        ((("a",) * 6, ("b",) * 6), False),
        ((tuple("abcdef"), tuple("abcdef")), False),
    ],
    ids=["one state", "a short cycle", "some torn readings", "always new", "a slow round", "the same work again"],
)
def test_a_job_whose_loop_comes_back_to_the_same_state_never_ends(
    states: tuple[tuple[str, ...], ...], endless: bool
) -> None:
    found = diagnose(horse(states))
    assert found.verdict == ("busy-loop" if endless else "healthy-busy")
    if endless:
        assert found.findings[0].warns
        assert found.findings[0].culprit is not None
        assert found.findings[0].culprit.function == "years"


def of_a_round(length: int, looks: int = 5) -> tuple[tuple[str, ...], ...]:
    """States as they are read at random moments of a round of so many."""
    moments = random.Random(length)
    return tuple(tuple(str(moments.randrange(length)) for _ in range(12)) for _ in range(looks))


SLOW = (("a",) * 9 + ("torn 1", "a"), ("a", "torn 2", "b", "b"), ("b",) * 6, ("c", "torn 3", "c"), ("c", "d", "d"))


@pytest.mark.parametrize(
    ("states", "one_call", "endless"),
    [
        (of_a_round(36), True, True),
        (of_a_round(200, looks=8), True, True),
        (of_a_round(36), False, False),
        (of_a_round(10**9), True, False),
        (SLOW, True, False),
    ],
    ids=["a round", "a long round", "the same work for several jobs", "always new", "slow rounds, some read torn"],
)
def test_a_call_that_left_its_states_and_came_back_to_them_never_ends(
    states: tuple[tuple[str, ...], ...], one_call: bool, endless: bool
) -> None:
    at = tuple(0.3 + 1.5 * number for number in range(len(states)))
    found = diagnose(horse(states, at=at, one_call=one_call))
    assert found.verdict == ("busy-loop" if endless else "healthy-busy")


@pytest.mark.parametrize(
    ("source", "states", "waits", "certainty"),
    [
        (LOOP, (), True, "guess"),
        (LOOP, of_a_round(36), True, "guess"),
        (LOOP, of_a_round(10**9), True, "likely"),
        (LOOP, (), False, "likely"),
        (LOOP.replace("while left > 1.0", "for left in range(10 ** 9)"), (), True, "likely"),
    ],
    ids=["never read", "the same states in several calls", "always new states", "nobody waits", "one by one"],
)
def test_long_work_that_a_request_waits_for_is_likely_only_where_it_is_seen_to_get_on(
    source: str, states: tuple[tuple[str, ...], ...], waits: bool, certainty: str
) -> None:
    calls = ((f"years {APP}:4", *REQUEST), (f"step {APP}:20", f"years {APP}:5", *REQUEST))
    works = Thread("a", [*calls, *calls, calls[0]], state="R", moves=True, tid=11)
    client = replace(canned.upstream(), served=True, received=80, sent=0, received_ago=30.0, sent_ago=30.0)
    seen = evidence(MAIN, works, health="well", source=source, connections=[client] if waits else [])
    looks = tuple(
        TaskLook(
            PID, 1.5 * place, "3.11", states=tuple(CallState(11, "years", APP, one, f"{place}") for one in digests)
        )
        for place, digests in enumerate(states)
    )
    found = diagnose(replace(seen, tasks=looks))
    assert (found.verdict, found.findings[0].certainty) == ("healthy-busy", certainty)


@pytest.mark.parametrize(
    "line",
    ["left = step(rate, clock.read(left))", "left = step()", "with guard: left = step(rate, left)"],
    ids=["it asks the outside", "it takes from somewhere", "it takes a lock"],
)
def test_a_loop_that_depends_on_more_than_its_variables_is_not_judged_by_them(line: str) -> None:
    assert diagnose(horse(STANDS, LOOP.replace("left = step(rate, left)", line))).verdict == "healthy-busy"


def test_a_loop_that_is_called_by_another_loop_is_not_judged_by_its_variables() -> None:
    source = LOOP + "def all():\n    for rate in rates:\n        years(0)\n"
    calls = (f"years {APP}:4", f"all {APP}:9", *JOB)
    seen = horse(STANDS, source)
    view = View(seen)
    (spin,) = spins(view)
    assert rounds.repeats(view, spin.thread, spin.frame)
    again = Thread(
        "MainThread", [calls, (f"step {APP}:20", f"years {APP}:5", *calls[1:])] * 3, "R", pid=CHILD, tid=CHILD
    )
    other = View(replace(evidence(MAIN, again, source=source), tasks=seen.tasks))
    (spin,) = spins(other)
    assert not rounds.repeats(other, spin.thread, spin.frame)


@pytest.mark.parametrize(
    ("states", "at"),
    [(STANDS[:1], (0.3,)), ((("a",) * 3, ("a",) * 4), (0.3, 6.0))],
    ids=["once", "mostly in vain"],
)
def test_a_loop_that_may_come_back_is_read_often_enough_before_it_counts_as_work(
    states: tuple[tuple[str, ...], ...], at: tuple[float, ...]
) -> None:
    few = horse(states, at=at)
    later = tuple(replace(one, at=one.at * 4) for one in few.looks)
    few = replace(few, looks=later, memory=(replace(few.memory[-1], at=7.0),))
    assert not settled(few, diagnose(few))


@pytest.mark.parametrize(("asleep", "stuck"), [(30.0, True), (3.0, False)])
def test_a_job_that_waits_long_for_a_silent_peer_is_a_warning_while_the_front_answers(
    asleep: float, stuck: bool
) -> None:
    waits = Thread("MainThread", (f"fetch {APP}:6", *JOB), call="recvfrom", descriptor=7, asleep=asleep, pid=CHILD,
                   tid=CHILD)  # fmt: skip
    seen = evidence(
        MAIN, waits, health="well",
        processes=[canned.process(), canned.process(CHILD, PID, forked=True)],
        connections=[replace(canned.upstream(), pid=CHILD)],
        descriptors=[replace(canned.socket_descriptor(), pid=CHILD)],
    )  # fmt: skip
    found = diagnose(seen)
    assert found.verdict == ("external-wait" if stuck else "healthy")
    assert not stuck or found.findings[0].warns


def test_a_lock_on_a_file_that_another_process_keeps_is_named_with_that_process() -> None:
    waits = Thread("a", (f"save {APP}:8", *REQUEST), call="flock", descriptor=5, tid=11)
    seen = evidence(
        MAIN, waits, descriptors=[Descriptor(PID, 5, "file", "/srv/books.lock", 900, True)]
    )  # fmt: skip
    kept = FileLock("/srv/books.lock", 4242, "python backup.py", "FLOCK", True, 0)
    found = diagnose(replace(seen, file_locks=(kept,)))
    assert (found.verdict, found.advice) == ("external-wait", "call-a-person")
    assert found.findings[0].peer == "pid 4242: python backup.py"


def test_a_request_that_runs_a_loop_to_its_end_blocks_no_event_loop_of_the_server() -> None:
    inside = (f"select {LIB}/selectors.py:468", f"_run_once {LIB}/asyncio/base_events.py:1922",
              f"run {LIB}/asyncio/runners.py:118", f"price {APP}:62", *REQUEST)  # fmt: skip
    seen = evidence(MAIN, Thread("a", inside, call="epoll_wait", tid=11))
    assert "event-loop-blocked" not in [one.cause for one in diagnose(seen).findings]


TIGHT = """def spin():
    number = 0
    while number >= 0:
        if number % 7:
            number += 1
        number += 2
"""


@pytest.mark.parametrize("seen_at", [3, 4, 5, 6])
def test_a_loop_that_calls_nothing_is_named_at_its_head_wherever_in_it_the_looks_met_it(seen_at: int) -> None:
    spins_there = Thread("a", (f"spin {APP}:{seen_at}", *REQUEST), state="R", moves=True, gil=True)
    found = diagnose(evidence(MAIN, spins_there, source=TIGHT))
    assert found.verdict == "busy-loop"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 3


def test_a_loop_that_calls_something_is_named_at_the_call_that_takes_the_time() -> None:
    spins_there = Thread("a", (f"years {APP}:5", *REQUEST), state="R", moves=True)
    culprit = diagnose(evidence(MAIN, spins_there, source=LOOP)).findings[0].culprit
    assert culprit is not None and culprit.line == 5


COUNTS = """
def years(rate):
    left, steps, path = 1000.0, 0, []
    while left > 1.0:
        left = step(rate, left)
        steps += 1
        path.append(left)
    return steps
"""


@pytest.mark.parametrize(
    ("source", "endless"),
    [
        (COUNTS, True),
        (COUNTS.replace("left > 1.0", "left > 1.0 and steps < rate"), False),
        (COUNTS.replace("left = step(rate, left)", "left = step(rate, 1)"), False),
        (COUNTS.replace("steps += 1", "steps = follow(steps)"), False),
    ],
    ids=["a counter beside it", "it asks its counter", "what it waits for comes from elsewhere", "no plain counter"],
)
def test_a_counter_beside_a_loop_does_not_show_that_it_gets_on(source: str, endless: bool) -> None:
    seen = horse((("",) * 6, ("",) * 6), source)
    numbers = iter(range(99))
    looks = tuple(
        replace(look, states=tuple(
            replace(one, around="same", variables=(("left", "a"), ("steps", str(next(numbers))), ("path", "")))
            for one in look.states
        ))
        for look in seen.tasks
    )  # fmt: skip
    assert diagnose(replace(seen, tasks=looks)).verdict == ("busy-loop" if endless else "healthy-busy")


WALKS = """
def years(rate):
    left = TAXA[rate]
    while left.rank != 1:
        left = TAXA[left.parent]
    return left
"""


READS = """
def is_top(one):
    return isinstance(one, Taxon) and one.rank == 1
"""


@pytest.mark.parametrize(
    ("source", "endless"),
    [(WALKS, True), (WALKS.replace("TAXA[left.parent]", "above(left, rate)"), False),
     (WALKS.replace("    return left", "        left.seen = True\n    return left"), False),
     (WALKS.replace("left.rank != 1", "not is_top(left)") + READS, True),
     (WALKS.replace("left.rank != 1", "not left.is_top()") + READS, True),
     (WALKS.replace("left.rank != 1", "not is_top(left)") + READS.replace("return", "one.seen = 1; return"), False)],
    ids=["it changes nothing", "it calls something", "it stores into what it meets", "it calls what only reads",
         "it calls a method that only reads", "it calls what stores into what it meets"],
)  # fmt: skip
def test_a_walk_that_changes_nothing_is_known_by_the_objects_that_it_meets(source: str, endless: bool) -> None:
    seen = horse((tuple("abcabc"), tuple("cababc")), source)
    looks = tuple(
        replace(look, states=tuple(
            replace(one, digest="", around="same", variables=(("left", "@" + one.digest), ("rate", "r")))
            for one in look.states
        ))
        for look in seen.tasks
    )  # fmt: skip
    assert diagnose(replace(seen, tasks=looks)).verdict == ("busy-loop" if endless else "healthy-busy")
