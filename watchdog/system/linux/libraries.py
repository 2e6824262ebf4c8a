"""Which native libraries a process has loaded, by the names of their files."""

from __future__ import annotations

from pathlib import Path


def loads(pid: int, name: str) -> bool:
    """Whether a file with this text in its name is mapped. False where that cannot be seen."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_bytes().split(b"\n")
    except OSError:
        return False
    return any(name.encode() in line.rpartition(b"/")[2] for line in lines)
