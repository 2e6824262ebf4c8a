"""Looks at a live server as `wd why` does, for tests: the evidence and the diagnosis."""

from __future__ import annotations

import contextlib
import threading
import urllib.request
from pathlib import Path

import support

from watchdog.diagnosis.diagnose import diagnose
from watchdog.evidence import gather, stacks
from watchdog.model.evidence import Configured, Evidence
from watchdog.model.finding import Diagnosis
from watchdog.model.process import Tree
from watchdog.model.selector import Selector
from watchdog.targets import resolve


def tree_of(server: support.Server) -> Tree:
    found = resolve.resolve(Selector(port=server.port))
    assert len(found) == 1
    return found[0]


def look(server: support.Server, within: float = 20.0, limit: float = 2.0) -> tuple[Evidence, Diagnosis]:
    configured = Configured(port=server.port, url=f"{server.url}/health", limit=limit)
    seen = gather.gather(tree_of(server), configured, within)
    return seen, diagnose(seen)


def provoke(url: str) -> None:
    """Ask, whatever comes of it."""
    with contextlib.suppress(OSError):
        urllib.request.urlopen(url, timeout=60).read()


def ask_behind(server: support.Server, path: str, times: int = 1) -> None:
    """Questions that nobody waits for."""
    for _ in range(times):
        threading.Thread(target=provoke, args=(f"{server.url}{path}",), daemon=True).start()


def stands_in(pid: int, function: str) -> bool:
    """Whether a thread of the process stands in this function."""
    found = stacks.dump(pid)
    return any(frame.function.rpartition(".")[2] == function for one in found.threads for frame in one.frames)


def line_of(source: Path, text: str) -> int:
    return next(number for number, line in enumerate(source.read_text().splitlines(), 1) if text in line)


def said(found: Diagnosis) -> list[str]:
    """What an assertion shows."""
    return [f"{one.cause} ({one.certainty}): {one.summary}" for one in found.findings]


def blames(found: Diagnosis, cause: str, source: Path, text: str) -> None:
    """Asserts that the first finding has this cause and names the first line of the source that holds this text."""
    first = found.findings[0]
    assert first.cause == cause, said(found)
    assert first.culprit is not None, said(found)
    assert first.culprit.line == line_of(source, text), said(found)
