"""`wd sidecar` on Windows says clearly that it does not run there, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.platform != "win32":
    pytest.skip("these are for Windows: sh tests/windows.sh runs them", allow_module_level=True)

from machine import wd


def test_a_sidecar_is_refused_with_the_reason_and_what_to_do(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    done = wd("sidecar", "--", sys.executable, "-c", f"open({str(mark)!r}, 'w')")
    assert done.returncode == 5, done.stdout + done.stderr
    assert done.stdout == "", "the host gets no byte that is no message"
    assert "does not run on Windows" in done.stderr and "Remove `wd sidecar --`" in done.stderr
    assert not mark.exists()
