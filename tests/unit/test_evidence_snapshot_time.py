"""What was seen is written, also where looking took all the time; writing itself has an end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from watchdog.evidence import snapshot
from watchdog.model.evidence import Configured, Evidence, MachineLook
from watchdog.model.snapshot import Snapshot
from watchdog.system import clock

MACHINE = MachineLook(0.0, 2, None, 8_000, 4_000, None, None, 0, 0)


class Clock:
    """Moves only where a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self._patch = 100.0, monkeypatch
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)

    def each(self, name: str, seconds: float) -> None:
        """Each call of a function of the snapshot takes so long."""
        before = getattr(snapshot, name)

        def slow(*words: Any) -> Any:
            self.now += seconds
            return before(*words)

        self._patch.setattr(snapshot, name, slow)


def taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    seen = Evidence(None, Configured(), 0.0, 0.0, machine=MACHINE)
    monkeypatch.setattr(snapshot, "_ALWAYS", 1)
    monkeypatch.setattr(snapshot, "_look", lambda *words: seen)
    return snapshot.take(None, folder / "evidence", (), 10.0)


def test_what_was_seen_is_written_though_looking_took_all_the_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Clock(monkeypatch)
    time.each("_save_logs", 30.0)  # as a look on a machine that has no time for us
    assert "machine.json" in {one.path for one in taken(folder, monkeypatch).artifacts}


def test_writing_has_an_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Clock(monkeypatch)
    time.each("_save_logs", 30.0)
    time.each("_keep", snapshot.TO_WRITE + 0.1)  # a disk that takes seconds for each file
    left_out = {one.kind: one.error for one in taken(folder, monkeypatch).artifacts if not one.path}
    assert left_out["machine"] == "no time was left to write it"
