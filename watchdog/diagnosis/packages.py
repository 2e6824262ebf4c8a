"""Where the application itself is an installed package, which one it is: none of the usual libraries. Pure.

Told from the calls that were seen: if no code outside of installed packages serves anything, those packages that are no
well-known framework, server, driver or tool are the application's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from watchdog.diagnosis import code
from watchdog.diagnosis.jobs import ENGINES
from watchdog.diagnosis.known_packages import USUAL
from watchdog.model.evidence import Evidence, Frame


def own(evidence: Evidence) -> frozenset[str]:
    """Names of installed packages that are the application; empty where its code lies elsewhere, as it mostly does."""
    found: set[str] = set()
    for frame in _frames(evidence):
        if code.is_application(frame):
            launches = frame.function == "<module>" or "/bin/" in frame.file or frame.file.endswith("/manage.py")
            if not launches:
                return frozenset()
        elif code.is_library(frame):
            found.add(code.package(frame))
    return frozenset(name for name in found if name.removesuffix(".py") not in USUAL | ENGINES)


def _frames(evidence: Evidence) -> Iterable[Frame]:
    for look in evidence.stacks:
        for thread in look.threads:
            yield from thread.frames
    for tasks in evidence.tasks:
        for task in tasks.tasks:
            yield from task.frames


@contextmanager
def counted_as_own(names: frozenset[str]) -> Iterator[None]:
    """Within it these packages count as the application's code."""
    token = code.OWN.set(names)
    try:
        yield
    finally:
        code.OWN.reset(token)
