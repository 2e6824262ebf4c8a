"""Programs of an ordinary user beside a wd that runs as root, and folders that such a user may enter."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import WD
from support import Server, connects, end_session, free_port, wait_for

NOBODY = 65534
PYTHON = str(Path(sys.executable).resolve())


DROP = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")


def _runs_wd() -> bool:
    """Whether that user can run this checkout: tried, for the mode of a folder does not tell what a program needs."""
    return subprocess.run([*DROP, *WD, "--version"], cwd="/", capture_output=True, check=False).returncode == 0


RUNS_WD = pytest.mark.skipif(
    os.geteuid() == 0 and not _runs_wd(),
    reason="another user cannot run wd here: its checkout or its Python is closed to others",
)


@contextlib.contextmanager
def open_folder(owner: int = NOBODY) -> Iterator[Path]:
    """A folder of that user which everybody may enter: pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, owner, owner)
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def stranger(*words: str, before: tuple[str, ...] = (), user: int = NOBODY) -> Iterator[Server]:
    """`python WORDS` as that user, in a session of its own; "{port}" becomes its port. `before` runs it, as root."""
    port = free_port()
    as_user = ("setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups")
    argv = [*before, *as_user, PYTHON, *(word.replace("{port}", str(port)) for word in words)]
    process = subprocess.Popen(
        argv, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(lambda: connects(port) or process.poll() is not None, f"{argv} listens")
        assert process.poll() is None, f"{argv} ended with {process.returncode}"
        yield Server(process, port, Path(os.devnull))
    finally:
        end_session(process)
