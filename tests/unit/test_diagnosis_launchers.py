"""Who launches a program, and who is the program."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import PID, SERVES, Thread, evidence, process

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import OtherChoice


@pytest.mark.parametrize("holds_the_port", [True, False])
def test_a_server_that_starts_a_program_for_a_request_launches_nothing_in_its_place(holds_the_port: bool) -> None:
    main = Thread("MainThread", ("select /usr/lib/python3.11/selectors.py:415", *SERVES), call="poll")
    scans = Thread("MainThread", ("<module> /srv/shop/scanner.py:7",), call="clock_nanosleep", pid=200, tid=200)
    seen = evidence(main, scans, processes=[process(), process(200, PID)], health="well")
    holder = PID if holds_the_port else 200
    held = tuple((at, replace(one, holders=(holder,))) for at, one in seen.listeners)
    choice = OtherChoice(PID, 200, "scanner.py", "app:app", "its command line", False)
    found = diagnose(replace(seen, listeners=held, choices=(choice,)))
    assert (found.verdict == "wrong-program") != holds_the_port
