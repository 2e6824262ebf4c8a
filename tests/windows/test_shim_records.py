"""Windows replaces no file that somebody reads just now: the end of a server is noted all the same."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

if sys.platform != "win32":
    pytest.skip("these are for Windows: sh tests/windows.sh runs them", allow_module_level=True)

from machine import wait_for

from watchdog.model.launching import ShimRecord
from watchdog.system.shim import records

STARTED = ShimRecord("shop", 41, 7, 1_000.0, 40, boot="boot")


def test_an_end_is_noted_although_the_record_is_read_at_that_moment(tmp_path: Path) -> None:
    ended = replace(STARTED, ended=1_002.0, code=-1)
    records.write(tmp_path, STARTED)
    (place,) = tmp_path.glob("*.json")
    writer = Thread(target=records.write, args=(tmp_path, ended))
    with place.open() as reading:
        writer.start()
        wait_for(lambda: list(tmp_path.glob("*.tmp")), "the new record is written", pause=0.01)
        reading.read()
    writer.join(20)
    assert records.last(tmp_path) == ended
