"""Of several things that are true at once, the one that brought on the others is named, with its line."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, REQUEST, STARTED, Thread, evidence

from watchdog.diagnosis.diagnose import diagnose, settled
from watchdog.model.evidence import Answer, DiskLook, Evidence, MachineLook, Task

MAIN = Thread("MainThread", AT_REST, call="poll", moves=True)
IMPORTS = (f"import_module {LIB}/importlib/__init__.py:126", f"resolve {APP}:25", *REQUEST)
BOOTSTRAP = ("acquire <frozen importlib._bootstrap>:110", "_find_and_load <frozen importlib._bootstrap>:1027")


def test_an_import_under_a_lock_that_the_imported_module_wants_is_told_at_the_applications_own_line() -> None:
    seen = evidence(
        MAIN,
        Thread("a", (*BOOTSTRAP, *IMPORTS), call="futex", tid=11),
        Thread("b", (f"add {APP}:17", f"<module> {APP}:9", f"warm_up {APP}:40", *STARTED), call="futex", tid=12),
        held=[
            canned.point("a", "guard", f"resolve {APP}:23", tid=11),
            canned.point("b", "plain", f"warm_up {APP}:40", kind="module", tid=12),
        ],
        wanted=[
            canned.point("a", "plain", f"import_module {LIB}/importlib/__init__.py:126", kind="module", tid=11),
            canned.point("b", "guard", f"add {APP}:17", tid=12),
        ],
    )
    found = diagnose(seen)
    assert found.verdict == "import-lock"
    assert found.findings[0].culprit is not None
    assert (found.findings[0].culprit.file, found.findings[0].culprit.line) == (APP, 25)


def test_two_locks_taken_by_a_library_in_a_circle_are_told_at_the_lines_that_called_it() -> None:
    library = f"{canned.SITE}/cachelib/store.py"
    seen = evidence(
        MAIN,
        Thread("a", (f"put {library}:8", f"save {APP}:20", *REQUEST), call="futex", tid=11),
        Thread("b", (f"get {library}:9", f"load {APP}:30", *REQUEST), call="futex", tid=12),
        held=[
            canned.point("a", "m", f"save {APP}:19", tid=11),
            canned.point("b", "n", f"load {APP}:29", tid=12),
        ],
        wanted=[
            canned.point("a", "n", f"put {library}:8", tid=11),
            canned.point("b", "m", f"get {library}:9", tid=12),
        ],
    )
    found = diagnose(seen)
    assert found.verdict == "lock-deadlock"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.file == APP


RETRIES = """
def keep(data):
    while True:
        try:
            return write(data)
        except OSError:
            sleep(1)


def keep_other(data):
    while True:
        try:
            return write(data)
        except OSError as error:
            last = error
        sleep(1)


def read(data):
    while True:
        try:
            return data[0]
        except KeyError:
            sleep(1)
"""


def spooling(line: int, **disk: object) -> Evidence:
    """A request that sleeps under a lock for which others queue; the file is closed between two attempts."""
    seen = evidence(
        MAIN,
        Thread("a", (f"keep {APP}:{line}", f"take {APP}:40", *REQUEST), call="clock_nanosleep", tid=11),
        *(Thread(f"v{n}", (f"take {APP}:40", *REQUEST), call="futex", tid=20 + n) for n in range(3)),
        held=[canned.point("a", "single", f"take {APP}:40", tid=11)],
        wanted=[canned.point(f"v{n}", "single", f"take {APP}:40", tid=20 + n) for n in range(3)],
        source=RETRIES,
    )
    full = replace(DiskLook("/srv/spool", "/srv/spool", 0, 1 << 20, 100), **disk)  # type: ignore[arg-type]
    return replace(seen, machine=MachineLook(0.0, 2, None, 8 << 30, 4 << 30, None, None, 0, 0, disks=(full,)))


@pytest.mark.parametrize("line", [7, 16])
def test_who_tries_again_to_write_on_a_full_disk_that_it_was_told_is_the_root_of_the_queue(line: int) -> None:
    found = diagnose(spooling(line, named=True))
    assert found.verdict == "disk-full"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == line
    assert found.findings[1].cause == "lock-convoy"


@pytest.mark.parametrize(
    ("line", "disk"),
    [
        (7, {"named": False}),
        (7, {"named": True, "read_only": True}),
        (7, {"named": True, "free": 1 << 19}),
        (24, {"named": True}),
    ],
    ids=["another's disk", "an image", "half empty", "no failed write"],
)
def test_a_full_disk_that_nobody_waits_for_is_no_cause(line: int, disk: dict[str, object]) -> None:
    assert "disk-full" not in [one.cause for one in diagnose(spooling(line, **disk)).findings]


def test_the_holder_of_a_librarys_lock_is_named_where_its_own_slow_part_is() -> None:
    """It passes from hand to hand, and is taken in a call of the library's that has returned long ago."""
    log = f"{LIB}/logging/__init__.py"
    begins = (f"callHandlers {log}:1706", f"info {log}:1489", f"poll {APP}:28", *STARTED)
    waits = (f"acquire {log}:927", f"handle {log}:976", *begins)
    holds = (f"stamp {APP}:19", f"emit {APP}:25", f"handle {log}:978", *begins)
    stacks = [[holds if look == place else waits for look in range(5)] for place in range(5)]
    seen = evidence(
        MAIN,
        *(Thread(f"w{n}", stacks[n % 5], call="futex", tid=20 + n, moves=True) for n in range(10)),
        held=[canned.point("w4", "RLock", f"stamp {APP}:19", kind="RLock", tid=24)],
        wanted=[canned.point(f"w{n}", "RLock", f"acquire {log}:927", kind="RLock", tid=20 + n) for n in range(4)],
    )
    later = replace(seen, answers=(Answer(0.1, "http://127.0.0.1:8000/health", "late", 5.2, 200),))
    found = diagnose(later)
    assert (found.verdict, found.advice) == ("lock-convoy", "restart")
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 19


def test_one_request_behind_a_task_that_sends_to_a_peer_who_does_not_read_is_enough() -> None:
    sends = (f"paint {APP}:37", f"say {APP}:22", f"StreamWriter.drain {LIB}/asyncio/streams.py:371")
    asks = (
        f"RequestResponseCycle.run_asgi {canned.SITE}/uvicorn/protocols/http/h11_impl.py:408",
        f"state {APP}:26",
        f"Lock.acquire {LIB}/asyncio/locks.py:114",
    )
    names = {"Task-2": sends, "Task-9": asks}
    seen = evidence(
        Thread("MainThread", canned.LOOP_AT_REST, call="epoll_wait", moves=True),
        tasks=[
            Task(canned.PID, number, name, tuple(map(canned.frame, calls)))
            for number, (name, calls) in enumerate(names.items())
        ],
        held=[canned.point("", "order", f"say {APP}:20", kind="asyncio.Lock", task="Task-2")],
        wanted=[canned.point("", "order", f"state {APP}:26", kind="asyncio.Lock", task="Task-9")],
        connections=[replace(canned.upstream("10.0.0.9:40000"), served=True, unsent=300_000)],
    )
    found = diagnose(seen)
    assert found.verdict == "lock-convoy"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 22
    assert found.findings[0].peer == "10.0.0.9:40000"
    assert diagnose(replace(seen, answers=canned.answers("well"))).verdict == "healthy"


CRASH = (
    'Traceback (most recent call last):\n  File "/srv/shop/server.py", line 9, in load\n'
    "    quota = int(text)\nValueError: invalid literal for int()\n"
)


def test_a_launcher_that_sleeps_between_two_short_lives_does_not_hide_the_crash_loop() -> None:
    launcher = canned.process(cmdline=("sh", "serve.sh"))
    seen = evidence(processes=[launcher], health="refused", log=CRASH + "next try in 1s\n" + CRASH + "next try in 2s\n")
    found = diagnose(replace(seen, python=(), listeners=()))
    assert found.verdict == "crash-loop"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 9


def test_a_launcher_that_sleeps_after_the_first_death_is_looked_at_until_it_tries_again() -> None:
    launcher = canned.process(cmdline=("sh", "serve.sh"))
    seen = replace(evidence(processes=[launcher], health="refused", log=CRASH), python=(), listeners=())
    later = replace(seen, memory=tuple(replace(one, at=one.at + 4) for one in seen.memory))
    assert diagnose(seen).verdict == "not-python"
    assert not settled(later, diagnose(later))


def ordering(log: str) -> Evidence:
    """Requests wait for a thread; the process may have so much memory and no more."""
    takes = (f"wait {LIB}/threading.py:320", f"get {LIB}/queue.py:171", f"order {APP}:32", *REQUEST)
    seen = evidence(MAIN, Thread("Thread-3", takes, call="futex", tid=11), log=log)
    return replace(seen, looks=tuple(replace(one, memory_limit=900_000_000) for one in seen.looks))


def test_a_thread_that_died_for_want_of_memory_is_the_root_of_those_who_wait_for_it() -> None:
    trace = f'Traceback (most recent call last):\n  File "{APP}", line 12, in build\nMemoryError\n'
    found = diagnose(ordering(f"Exception in thread indexer:\n{trace}"))
    assert found.verdict == "oom-killed"
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 12
    assert found.findings[1].cause == "await-never"


def test_where_memory_was_too_short_for_a_traceback_the_waiters_line_is_told() -> None:
    found = diagnose(ordering("Exception in thread indexerException ignored in sys.unraisablehook\nMemoryError\n"))
    assert found.verdict == "oom-killed"
    assert "'indexer'" in found.findings[0].summary
    assert found.findings[0].culprit is not None
    assert found.findings[0].culprit.line == 32


def test_a_request_that_had_too_little_memory_and_was_answered_explains_no_hang() -> None:
    log = f'Traceback (most recent call last):\n  File "{APP}", line 12, in build\nMemoryError\n"GET /x" 500\n'
    assert diagnose(ordering(log)).verdict == "await-never"


def test_of_a_thread_that_died_otherwise_those_who_wait_for_it_know() -> None:
    found = diagnose(ordering("Exception in thread feeder:\nKeyError: 'a'\n"))
    assert found.verdict == "await-never"
    assert "'feeder' has died" in found.findings[0].summary
    assert "asyncio" not in found.findings[0].prevent


def test_a_worker_that_was_put_in_the_place_of_a_dead_one_is_told() -> None:
    waits = (f"wait {LIB}/threading.py:320", f"get {LIB}/multiprocessing/pool.py:768", f"rate {APP}:20", *REQUEST)
    idle = (
        f"get {LIB}/multiprocessing/queues.py:364",
        f"worker {LIB}/multiprocessing/pool.py:114",
        f"<module> {APP}:9",
    )
    seen = evidence(
        MAIN,
        Thread("Thread-6", waits, call="futex", tid=11, asleep=8.0),
        Thread("MainThread", idle, call="read", pid=200, tid=200),
        Thread("MainThread", (*idle, f"_handle_workers {LIB}/multiprocessing/pool.py:516"), "S", pid=300, tid=300),
        processes=[canned.process(), canned.process(200, canned.PID), canned.process(300, canned.PID, started=4993.0)],
    )
    found = diagnose(seen)
    assert found.verdict == "await-never"
    assert "300 has taken its place" in found.findings[0].summary


def test_a_request_that_has_just_come_behind_a_holder_who_waits_for_a_child_is_its_victim() -> None:
    seen = evidence(
        MAIN,
        Thread("a", (f"wait {LIB}/subprocess.py:1264", f"convert {APP}:31", *REQUEST), call="wait4", tid=11),
        Thread("b", (f"convert {APP}:30", *REQUEST), call="futex", tid=12, moves=True),
        held=[canned.point("a", "m", f"convert {APP}:30", tid=11)],
        wanted=[canned.point("b", "m", f"convert {APP}:30", tid=12)],
    )
    found = [one.cause for one in diagnose(seen).findings]
    assert found.index("child-wait") < found.index("lock-convoy")


def test_a_task_that_waits_for_a_child_under_a_lock_is_the_root_of_those_behind_it() -> None:
    waits = (f"convert {APP}:31", f"Process.wait {LIB}/asyncio/subprocess.py:137")
    seen = evidence(
        Thread("MainThread", canned.LOOP_AT_REST, call="epoll_wait", moves=True),
        tasks=[Task(canned.PID, 1, "Task-2", tuple(map(canned.frame, waits)))],
        held=[canned.point("", "m", f"convert {APP}:30", kind="asyncio.Lock", task="Task-2")],
        wanted=[canned.point("", "m", f"convert {APP}:30", kind="asyncio.Lock", task=f"Task-{n}") for n in (3, 4)],
    )
    found = [one.cause for one in diagnose(seen).findings]
    assert found.index("child-wait") < found.index("lock-convoy")
