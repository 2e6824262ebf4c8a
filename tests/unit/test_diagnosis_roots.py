"""Of several things that are true at once, the one that brought on the others is named, with its line."""

from __future__ import annotations

from dataclasses import replace

import canned
import pytest
from canned import APP, AT_REST, LIB, REQUEST, STARTED, Thread, evidence

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import DiskLook, Evidence, MachineLook

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
