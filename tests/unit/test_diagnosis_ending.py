"""A server that was told to end and does not: by the place at which it stands, not by how long it waits alone."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, LIB, PID, STARTED, Thread, evidence

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.causes import HEALTHY
from watchdog.model.evidence import Configured, Evidence

SOURCE = """
def main():
    stop = Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    serving.start()
    stop.wait()
    print("SIGTERM: draining")
    worker.drain()


def drain():
    parcels.join()


def drain_bounded():
    worker.join(5)


def plain():
    ready.wait()
    worker.drain()


def served():
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        worker.drain()


def flagged():
    signal.signal(signal.SIGTERM, on_term)
    while not closing:
        step()
    worker.drain()


def on_term(number, frame):
    global closing
    closing = True


def threaded():
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())

    def serve():
        server.serve_forever()

    Thread(target=serve).start()
    Thread(target=lambda: (stop.wait(), server.shutdown())).start()
    worker.drain()


def forked():
    child = os.fork()
    if child == 0:
        server.serve_forever()
    worker.drain()


def reloads():
    signal.signal(signal.SIGHUP, again.set)
    again.wait()
    worker.drain()
"""
JOIN = (f"wait {LIB}/threading.py:327", f"join {LIB}/queue.py:90")
SERVING = Thread("health", (f"select {LIB}/selectors.py:415", f"serve_forever {LIB}/socketserver.py:233", *STARTED))


def line(text: str) -> int:
    return next(number for number, one in enumerate(SOURCE.splitlines(), 1) if text in one)


def seen(*calls: str, closed: bool = False, log: str = "", asleep: float = 30.0) -> Evidence:
    main = Thread("MainThread", (*calls, f"<module> {APP}:90"), call="futex", asleep=asleep)
    found = evidence(main, SERVING, source=SOURCE, log=log, health="refused" if closed else "well")
    known = replace(found, configured=Configured(port=8000, url="http://127.0.0.1:8000/health", ready_within=10.0))
    return replace(known, listeners=()) if closed else known


def draining(caller: str, place: str, **more: object) -> Evidence:
    below = f"drain {APP}:{line('parcels.join')}"
    return seen(*JOIN, below, f"{caller} {APP}:{line(f'def {caller}') + place_of(caller, place)}", **more)  # type: ignore[arg-type]


def place_of(caller: str, text: str) -> int:
    body = SOURCE.splitlines()[line(f"def {caller}") :]
    return next(number for number, one in enumerate(body, 1) if text in one)


@pytest.mark.parametrize("caller", ["main", "served", "flagged"])
@pytest.mark.parametrize("closed", [True, False])
def test_who_is_past_its_wait_to_be_told_ends_and_is_held_up_where_it_waits(caller: str, closed: bool) -> None:
    found = diagnose(draining(caller, "worker.drain", closed=closed))
    assert found.verdict == "ignores-sigterm"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == line("parcels.join")
    assert found.advice == "restart"


@pytest.mark.parametrize("caller", ["plain", "reloads", "threaded", "forked"])
def test_who_waits_for_its_threads_by_design_is_well(caller: str) -> None:
    assert diagnose(draining(caller, "worker.drain")).verdict in HEALTHY


def test_who_waits_to_be_told_is_well() -> None:
    wait = (f"wait {LIB}/threading.py:607", f"main {APP}:{line('    stop.wait')}")
    assert diagnose(seen(*wait, log="SIGTERM: draining\n")).verdict in HEALTHY


def test_an_end_that_has_just_begun_is_left_its_time() -> None:
    assert diagnose(draining("main", "worker.drain", asleep=0.5)).verdict in HEALTHY


def test_an_end_that_bounds_its_wait_is_left_its_time() -> None:
    at = (f"_wait_for_tstate_lock {LIB}/threading.py:1119", f"join {LIB}/threading.py:1103")
    calls = (*at, f"drain_bounded {APP}:{line('worker.join(5)')}", f"main {APP}:{line('worker.drain')}")
    assert diagnose(seen(*calls)).verdict in HEALTHY


def test_a_closed_port_and_the_log_tell_it_where_the_source_does_not() -> None:
    calls = (*JOIN, f"drain {APP}:{line('parcels.join')}", f"run {APP}:80")
    assert diagnose(seen(*calls, closed=True, log="INFO draining, 3 left\n")).verdict == "ignores-sigterm"
    assert diagnose(seen(*calls, closed=True, log="loading the model\n")).verdict == "unknown"


def test_a_task_behind_the_wait_for_its_event_counts_like_a_thread() -> None:
    source = "\n".join(
        (
            "async def main():",
            "    stop = asyncio.Event()",
            "    for number in (signal.SIGTERM, signal.SIGINT):",
            "        loop.add_signal_handler(number, stop.set)",
            "    await stop.wait()",
            "    await jobs.join()",
        )
    )
    frames = (f"main {APP}:6", f"Queue.join {LIB}/asyncio/queues.py:224")
    task = canned.Task(PID, 1, "Task-1", tuple(map(canned.frame, frames)))
    found = evidence(
        Thread("MainThread", canned.LOOP_AT_REST, call="epoll_wait", moves=True),
        tasks=[task],
        source=source,
        health="refused",
    )
    assert diagnose(replace(found, listeners=())).verdict == "ignores-sigterm"
