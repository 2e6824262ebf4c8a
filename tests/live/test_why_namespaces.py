"""A server in another pid namespace, as in a container, seen from outside: the same verdict as beside it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import ask_behind, look, said, stands_in

from watchdog.evidence import stacks
from watchdog.system.process import processes

APART = ("unshare", "-fp", "--mount-proc", "--kill-child")


def has_namespaces() -> bool:
    return (
        shutil.which("unshare") is not None
        and subprocess.run([*APART, "true"], capture_output=True, check=False).returncode == 0
    )


pytestmark = [
    NEEDS_RIGHT,
    NEEDS_TRACER,
    pytest.mark.skipif(not has_namespaces(), reason="no right to make a pid namespace here"),
]


@pytest.fixture
def hanging(request: pytest.FixtureRequest) -> Iterator[tuple[support.Server, int]]:
    """The server with this fault, and the pid that it has in our namespace."""
    with support.running(str(support.SERVERS / "hangs.py"), "{port}", request.param, under=APART) as server:
        (pid,) = processes.descendants(processes.table(), server.pid)
        yield server, pid


@pytest.mark.parametrize(
    ("hanging", "function", "cause"),
    [
        ("lock", "one_way", "lock-deadlock"),
        ("loop", "blocking", "event-loop-blocked"),
        ("spin", "spin", "busy-loop"),
        ("child", "child", "child-wait"),
    ],
    indirect=["hanging"],
)
def test_a_hang_has_the_same_cause_seen_from_outside_its_namespace(
    hanging: tuple[support.Server, int], function: str, cause: str
) -> None:
    server, pid = hanging
    ask_behind(server, "/go")
    support.wait_for(lambda: stands_in(pid, function), f"a thread in {function}")
    _, found = look(server)
    assert found.verdict == cause, said(found)


@pytest.mark.parametrize("hanging", ["lock"], indirect=True)
def test_threads_have_the_numbers_of_our_namespace_and_their_own_run_state(
    hanging: tuple[support.Server, int],
) -> None:
    _, pid = hanging
    threads = stacks.dump(pid).threads
    assert {one.tid for one in threads} <= set(processes.thread_ids(pid))
    assert threads
    support.wait_for(lambda: not any(one.active for one in stacks.dump(pid).threads), "it rests")
