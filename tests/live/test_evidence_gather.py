"""Real servers that really go wrong: the cause and the guilty line are told from outside, and nothing is touched."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import support
from interpreters import NEEDS_TRACER
from looks import ask_behind, look, provoke, tree_of

from watchdog.diagnosis.diagnose import diagnose
from watchdog.evidence import gather, stacks
from watchdog.model.evidence import Configured, Evidence
from watchdog.system.process import processes

SOURCE = support.SERVERS / "hangs.py"
can_trace = pytest.mark.skipif(
    os.geteuid() != 0 and Path("/proc/sys/kernel/yama/ptrace_scope").exists(),
    reason="needs the right to read another process's memory",
)
pytestmark = [NEEDS_TRACER, can_trace]


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(SOURCE.read_text().splitlines(), 1) if text in line)


@contextlib.contextmanager
def silent_peer() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=20) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            for one in taken:
                one.close()


@contextlib.contextmanager
def hung(fault: str, peer: int = 0) -> Iterator[support.Server]:
    with support.running(str(SOURCE), "{port}", fault, str(peer)) as server:
        ask = threading.Thread(target=provoke, args=(f"{server.url}/go",), daemon=True)
        ask.start()
        yield server


def stuck(server: support.Server, function: str) -> None:
    """Wait until the fault holds: a thread stands in this function."""

    def stands() -> bool:
        look = stacks.dump(server.pid)
        return any(frame.function == function for thread in look.threads for frame in thread.frames)

    support.wait_for(stands, f"a thread in {function}")


@pytest.mark.parametrize(
    ("fault", "cause", "text"),
    [
        ("spin", "busy-loop", ("number += 1", "while number")),
        ("pattern", "gil-held-native", ("re.match",)),
        ("members", "gil-held-native", ("number in numbers",)),
        ("lock", "lock-deadlock", ("with second:", "with first:")),
        ("loop", "event-loop-blocked", ("time.sleep(3600)",)),
    ],
)
def test_the_cause_and_the_line(fault: str, cause: str, text: tuple[str, ...]) -> None:
    with hung(fault) as server:
        stuck(server, {"lock": "one_way", "loop": "blocking"}.get(fault, fault))
        seen, found = look(server)
        assert found.verdict == cause, [one.summary for one in found.findings]
        culprit = found.findings[0].culprit
        assert culprit is not None
        assert any(part in culprit.source for part in text)
        assert seen.python == (server.pid,)


def test_a_pool_that_spins_on_one_line_keeps_no_lock_from_the_thread_that_takes_requests() -> None:
    with support.running(str(support.SERVERS / "spinning_pool.py"), "{port}") as server:
        ask_behind(server, "/go", times=2)
        stuck(server, "settle")
        _, found = look(server)
        assert found.verdict == "busy-loop", [one.summary for one in found.findings]


def test_a_silent_peer_is_named_and_tried() -> None:
    with silent_peer() as port, hung("peer", port) as server:
        stuck(server, "peer")
        seen, found = look(server)
        assert found.verdict == "external-wait"
        assert found.findings[0].peer == f"127.0.0.1:{port}"
        assert found.findings[0].culprit is not None
        assert found.findings[0].culprit.line == line_of("return sock.recv(100)")
        assert [peer.state for peer in seen.peers] == ["connects"]


def test_a_stopped_server_is_told_at_once_and_stays_as_it_was() -> None:
    with hung("stop") as server:
        support.wait_for(lambda: state(server.pid) == "T", "stopped")
        _, found = look(server)
        assert found.verdict == "stopped"
        assert state(server.pid) == "T"
        os.kill(server.pid, signal.SIGCONT)


def test_a_full_pipe_shows_the_child_and_the_parents_wait() -> None:
    with hung("pipe") as server:
        stuck(server, "pipe")
        support.wait_for(lambda: len(processes.descendants(processes.table(), server.pid)) == 1, "the child")
        seen, found = look(server)
        assert found.verdict == "child-pipe-full"
        assert found.findings[0].culprit is not None
        assert found.findings[0].culprit.line == line_of("return child.wait()")
        ends = {one.pid: one.other_ends for one in seen.descriptors if one.kind == "pipe" and one.other_ends}
        assert server.pid in ends


def test_descriptors_are_counted_and_told_by_kind() -> None:
    with hung("descriptors") as server:
        support.wait_for(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) == 48, "all descriptors used")  # noqa: PTH208
        _, found = look(server)
        assert found.verdict == "fd-exhausted"
        assert "hangs.py" in found.findings[0].summary
        assert found.findings[0].culprit is not None
        assert found.findings[0].culprit.line == line_of("kept.append(open")


def test_a_healthy_server_is_healthy_and_is_not_disturbed() -> None:
    with support.running(str(support.SERVERS / "plain.py"), "{port}") as server:
        seen, found = look(server, within=8.0)
        assert found.verdict == "healthy"
        assert {answer.verdict for answer in seen.answers} <= {"ok", "slow"}  # slow: this machine is busy
        assert state(server.pid) == "S"


def test_nothing_that_runs_still_gives_a_verdict() -> None:
    port = support.free_port()
    seen = gather.gather(None, Configured(port=port, url=f"http://127.0.0.1:{port}/"), 6.0)
    found = diagnose(seen)
    assert found.verdict == "not-running"
    assert seen.seconds < 8


def test_quick_evidence_of_a_whole_tree_is_there_within_its_time() -> None:
    with hung("spin") as server:
        stuck(server, "spin")
        seen = gather.quick(tree_of(server))
        assert any(frame.function == "spin" for one in seen.stacks for thread in one.threads for frame in thread.frames)
        assert seen.looks[0].threads


def test_locals_are_kept_only_where_they_were_asked_for() -> None:
    with hung("spin") as server:
        stuck(server, "spin")
        configured = Configured(port=server.port, url=f"{server.url}/health", limit=2.0)

        def kept(seen: Evidence) -> bool:
            return any(frame.locals for one in seen.stacks for thread in one.threads for frame in thread.frames)

        assert not kept(gather.gather(tree_of(server), configured, 1.0))
        assert kept(gather.gather(tree_of(server), configured, 1.0, True))


def state(pid: int) -> str:
    process = processes.read(pid)
    return process.state if process else "?"


def test_fifty_dumps_stop_nobody() -> None:
    """Neither stopped nor traced at any moment, whatever becomes of the dump."""
    with support.running(str(support.SERVERS / "plain.py"), "{port}") as server:
        seen: set[tuple[str, str]] = set()
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                status = Path(f"/proc/{server.pid}/status").read_text()
                fields = dict(line.partition(":")[::2] for line in status.splitlines())
                seen.add((fields["State"].split()[0], fields["TracerPid"].strip()))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        for number in range(50):
            stacks.dump(server.pid, timeout=0.002 if number % 5 == 0 else 3.0)  # some are killed in the middle
        done.set()
        watcher.join(10)
        assert {tracer for _, tracer in seen} == {"0"}
        assert not {state for state, _ in seen} & {"T", "t"}
        assert connects_and_answers(server)


def connects_and_answers(server: support.Server) -> bool:
    return bool(urllib.request.urlopen(f"{server.url}/health", timeout=5).read())
