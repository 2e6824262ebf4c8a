"""A loop that reads from somebody who is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, PID, REQUEST, SERVES, Thread, evidence, pipe, upstream

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Evidence

MAIN = Thread("MainThread", ("select /usr/lib/python3.11/selectors.py:415", *SERVES), call="poll")
CLIENT = replace(upstream(), served=True, received=80, sent=0, received_ago=30.0, sent_ago=30.0)
CLOSED = replace(upstream(), state="CLOSE_WAIT", inode=502)
SOURCE = """\
def exactly(line, size):
    record = b""
    while len(record) < size:
        record += line.recv(size - len(record))
    return record
"""


def reads(source: str = SOURCE, **options: object) -> Evidence:
    calls = ((f"exactly {APP}:4", *REQUEST), (f"exactly {APP}:3", *REQUEST))
    works = Thread("handler", [*calls, *calls], state="R", moves=True, tid=11)
    seen = evidence(MAIN, works, health="well", source=source, **options)  # type: ignore[arg-type]
    return replace(seen, stacks=tuple(replace(one, at=one.at * 4) for one in seen.stacks))


def test_a_loop_that_reads_from_a_closed_connection_never_ends() -> None:
    first = diagnose(reads(connections=[CLIENT, CLOSED])).findings[0]
    assert (first.cause, first.warns) == ("busy-loop", True)
    assert "which has closed the connection" in first.summary


def test_a_loop_that_reads_from_a_pipe_whose_writers_are_gone_never_ends() -> None:
    first = diagnose(
        reads(SOURCE.replace("recv", "read"), connections=[CLIENT], descriptors=[pipe(PID, 9, 900)])
    ).findings[0]
    assert first.cause == "busy-loop"
    assert "a pipe whose other end is closed" in first.summary


@pytest.mark.parametrize(
    ("source", "others"),
    [
        (SOURCE, [upstream()]),
        (SOURCE, [replace(CLOSED, unread=100)]),
        (SOURCE, [CLOSED, replace(upstream(), received_ago=0.1)]),
        (SOURCE.replace("line.recv(size - len(record))", "step(record)"), [CLOSED]),
    ],
    ids=["it is open", "there is more to read", "data comes from another one", "it reads nothing"],
)
def test_a_loop_that_may_read_something_is_at_work(source: str, others: list[object]) -> None:
    assert diagnose(reads(source, connections=[CLIENT, *others])).verdict == "healthy-busy"
