"""Where only psutil tells the open files of a process, nobody is asked for what it cannot tell."""

from __future__ import annotations

import os
import tempfile

import psutil
import pytest

from watchdog.system.portable import descriptors


@pytest.mark.posix("Windows is asked in a child: tests/windows")
def test_an_open_file_is_told_by_its_path() -> None:
    with tempfile.NamedTemporaryFile(suffix=".log") as log:
        paths = {one.target: one.kind for one in descriptors.of(os.getpid(), "file")}
        assert paths[os.path.realpath(log.name)] == "file"


def test_nobody_is_asked_for_sockets_and_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill needs the sockets only. On Windows the question for files may never be answered."""

    def asked(process: psutil.Process) -> None:
        raise AssertionError(f"asked for the files of {process}")

    monkeypatch.setattr(psutil.Process, "open_files", asked)
    assert descriptors.of(os.getpid(), "socket") == descriptors.of(os.getpid(), "pipe") == ()
    with pytest.raises(AssertionError, match="asked for the files"):
        descriptors.of(os.getpid())
