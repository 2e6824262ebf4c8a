"""The Python interpreters of this machine that live tests try, and a program run under one of them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import SERVERS, end_session

from watchdog.evidence import stacks

_YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")
NEEDS_RIGHT = pytest.mark.skipif(
    os.geteuid() != 0 and _YAMA.exists() and _YAMA.read_text().strip() != "0",
    reason="only root may read another process's memory here (kernel.yama.ptrace_scope)",
)
NEEDS_TRACER = pytest.mark.skipif(stacks.tracer() is None, reason="py-spy is not installed beside wd")
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def interpreters() -> dict[str, str]:
    """Paths by a name for the test: our own, those that WD_TEST_PYTHONS names (as PATH does), those on PATH, those that
    pyenv keeps. Each real program once."""
    candidates = [sys.executable, *os.environ.get("WD_TEST_PYTHONS", "").split(os.pathsep)]
    candidates += [shutil.which(f"python{version}") or "" for version in VERSIONS]
    for version in VERSIONS:
        candidates += map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")))
    candidates += [f"/usr/bin/python{version}" for version in VERSIONS]
    found: dict[str, str] = {}
    known: set[Path] = set()
    for path in candidates:
        real = Path(path).resolve() if path and Path(path).exists() else None
        # A shell script of that name (a version switcher's) would start whatever it likes.
        if real is not None and real not in known and real.read_bytes()[:4] == b"\x7fELF":
            known.add(real)
            found[f"{real.name}-{len(found)}"] = path
    return found


@contextlib.contextmanager
def script(python: str, name: str, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A program of tests/servers under this interpreter, when it has printed its first line: (process, line)."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    process = subprocess.Popen(
        [python, str(SERVERS / name), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().decode()
    finally:
        end_session(process)
        process.stdout.close()
