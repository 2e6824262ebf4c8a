"""Where the system tells little more of a thread than its CPU time, the innermost line tells the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import AT_REST, LIB, SERVES, Thread, evidence

from watchdog.diagnosis.diagnose import diagnose
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Evidence

APP = "/srv/shop/server.py"
HANDLER = (f"do_GET {APP}:11", f"handle_one_request {LIB}/http/server.py:424", *SERVES)


def untold(seen: Evidence, cpu: float) -> Evidence:
    """The same evidence without states, system calls and py-spy's word on what runs; each thread uses so much CPU."""
    looks = tuple(
        replace(
            look,
            threads=tuple(
                replace(one, state="?", call=None, asleep=None, switches=None, cpu_seconds=cpu * look.at)
                for one in look.threads
            ),
        )
        for look in seen.looks
    )
    stacks = tuple(replace(one, threads=tuple(replace(it, active=None) for it in one.threads)) for one in seen.stacks)
    return replace(seen, looks=looks, stacks=stacks)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("time.sleep(3600)", "sleep"),
        ("answer = self.upstream.recv(4096)", "socket"),
        ("self.upstream.sendall(data)", "send"),
        ("self.gate.acquire()", "lock"),
        ("connection, _ = listener.accept()", "accept"),
        ("total = add(total, 1)", "unknown"),
        ("time.sleep(upstream.recv(1)[0])", "unknown"),  # two calls that wait: which one is not told
    ],
)
def test_the_innermost_line_tells_what_a_thread_waits_for(line: str, kind: str) -> None:
    source = "\n" * 9 + f"def do_GET(self):\n    {line}\n"
    view = View(untold(evidence(Thread("MainThread", HANDLER), source=source), cpu=0.0))
    assert view.python_threads[0].wait.kind == kind


def test_a_line_of_a_file_that_was_changed_since_tells_nothing() -> None:
    seen = untold(evidence(Thread("MainThread", HANDLER), source="\n" * 10 + "time.sleep(1)"), cpu=0.0)
    changed = replace(seen, sources=tuple(replace(one, changed_since_start=True) for one in seen.sources))
    assert View(changed).python_threads[0].wait.kind == "unknown"


def test_a_sleep_that_keeps_the_only_thread_is_found_without_the_kernels_word() -> None:
    source = "\n" * 9 + "def do_GET(self):\n    time.sleep(3600)\n"
    found = diagnose(untold(evidence(Thread("MainThread", HANDLER), source=source), cpu=0.0))
    assert found.verdict == "pool-exhausted"
    assert "a sleep to end" in found.findings[0].summary


LOOP = "\n" * 9 + "def do_GET(self):\n    while True:\n        total += 1\n"


@pytest.mark.parametrize(("cpu", "holds", "verdict"), [(1.0, False, "busy-loop"), (0.3, True, "busy-loop")])
def test_a_loop_is_found_by_its_time_and_on_a_busy_machine_by_the_interpreters_lock(
    cpu: float, holds: bool, verdict: str
) -> None:
    thread = Thread("MainThread", (f"do_GET {APP}:12", *HANDLER[1:]), gil=holds)
    assert diagnose(untold(evidence(thread, source=LOOP), cpu)).verdict == verdict


def test_who_keeps_the_interpreters_lock_and_uses_no_time_is_not_in_a_loop() -> None:
    thread = Thread("MainThread", (f"do_GET {APP}:12", *HANDLER[1:]), gil=True)
    assert diagnose(untold(evidence(thread, source=LOOP), cpu=0.0)).verdict != "busy-loop"


def test_a_healthy_server_of_which_little_is_told_is_healthy() -> None:
    found = diagnose(untold(evidence(Thread("MainThread", AT_REST), health="well"), cpu=0.01))
    assert found.verdict == "healthy"


def test_the_main_thread_need_not_have_the_number_of_its_process() -> None:
    seen = evidence(Thread("a", AT_REST, tid=7), Thread("b", AT_REST, tid=5))
    looks = tuple(
        replace(look, threads=tuple(replace(one, first=one.tid == 7) for one in look.threads)) for look in seen.looks
    )
    view = View(replace(seen, looks=looks))
    assert {one.tid for one in view.python_threads if one.is_main} == {7}


def once(seen: Evidence, waited: float = 3.6) -> Evidence:
    """The same evidence cut short: one look at the calls, and a question that has waited since."""
    question = replace(seen.answers[0], verdict="pending", seconds=waited)
    return replace(seen, seconds=waited + 0.2, looks=seen.looks[:1], stacks=seen.stacks[:1], answers=(question,))


@pytest.mark.parametrize(
    ("line", "holds", "verdict"),
    [("time.sleep(3600)", False, "pool-exhausted"), ("while True: total += 1", True, "busy-loop")],
)
def test_calls_that_were_seen_once_name_the_cause_as_a_guess(line: str, holds: bool, verdict: str) -> None:
    source = "\n" * 9 + f"def do_GET(self):\n    {line}\n"
    found = diagnose(once(untold(evidence(Thread("MainThread", HANDLER, gil=holds), source=source), cpu=0.0)))
    assert found.verdict == verdict
    first = found.findings[0]
    assert first.certainty == "guess"
    assert first.culprit is not None
    assert first.culprit.line == 11
    assert "seen once" in " ".join(first.details)


def test_of_calls_that_were_seen_once_nothing_is_said_while_the_question_is_young() -> None:
    source = "\n" * 9 + "def do_GET(self):\n    time.sleep(3600)\n"
    seen = once(untold(evidence(Thread("MainThread", HANDLER), source=source), cpu=0.0), waited=0.4)
    assert diagnose(seen).verdict == "unknown"


def test_threads_at_rest_that_were_seen_once_are_blamed_for_nothing() -> None:
    found = diagnose(once(untold(evidence(Thread("MainThread", AT_REST)), cpu=0.0)))
    assert found.verdict == "unknown"
