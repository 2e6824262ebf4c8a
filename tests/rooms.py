"""A mount namespace of a test's own, furnished by a script and gone with the test."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator


@contextlib.contextmanager
def room_of_its_own(furnish: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The process that keeps it: a shell that did `furnish` (with these words), said "ready" and reads its input."""
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", furnish, "sh", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            said = holder.stdout.readline()
            assert said == "ready\n", said + holder.stdout.read()
            yield holder
        finally:
            holder.stdin.close()  # `cat` ends, and with it the last that keeps the room
            holder.wait(30)
