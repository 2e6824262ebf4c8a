"""The record of a start is complete or absent, and its end is not lost because somebody reads it at that moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from watchdog.model.launching import ShimRecord
from watchdog.system.shim import records

STARTED = ShimRecord("shop", 41, 7, 1_000.0, 40, boot="boot")


def refusing(times: int) -> Callable[[Path, Path], Path]:
    """As Windows does it while somebody reads the file that is to be replaced."""
    before, left = Path.replace, [times]

    def refuse(path: Path, target: Path) -> Path:
        if left[0]:
            left[0] -= 1
            raise PermissionError(13, "Access is denied")
        return before(path, target)

    return refuse


def test_an_end_is_noted_although_the_record_is_read_at_that_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.write(tmp_path, STARTED)
    monkeypatch.setattr(Path, "replace", refusing(3))
    records.write(tmp_path, replace(STARTED, ended=1_002.0, code=-1))
    assert records.last(tmp_path) == replace(STARTED, ended=1_002.0, code=-1)


def test_a_record_that_can_never_be_replaced_is_an_error_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.write(tmp_path, STARTED)
    monkeypatch.setattr(records, "READ_FOR", 0.05)
    monkeypatch.setattr(Path, "replace", refusing(1_000_000))
    with pytest.raises(PermissionError):
        records.write(tmp_path, replace(STARTED, ended=1_002.0))
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]
