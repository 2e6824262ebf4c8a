"""Which system this is, and how it writes paths and command lines. What else differs lies in the platform folders."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence

NAME = {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")
PROVEN = sys.platform == "linux"

_WINDOWS = sys.platform == "win32"
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def slashes(path: str) -> str:
    """A path with "/" between its parts. Windows takes both, and most programs write the other one."""
    return path.replace("\\", "/") if _WINDOWS else path


def folded(path: str) -> str:
    """What two names of one file have in common: on Windows slashes and capital letters do not count."""
    return slashes(path).lower() if _WINDOWS else path


def is_absolute(path: str) -> bool:
    """Whether a path begins at the root, or at a drive."""
    return path.startswith("/") or (_WINDOWS and bool(_DRIVE.match(path)))


def folder_of(parts: Sequence[str]) -> str:
    """The folder that the first parts of a path make. Of the first part alone it is the root, or that of a drive."""
    return "/".join(parts) if len(parts) > 1 else f"{parts[0]}/"


def has_folder(path: str) -> bool:
    """Whether more than a bare name is given."""
    return "/" in path or (_WINDOWS and "\\" in path)


def split(text: str) -> list[str]:
    """A command line's words, as the system's shell would split them. ValueError for a quote that is not closed.

    On Windows a backslash is a part of a path, and hides nothing.
    """
    if not _WINDOWS:
        return shlex.split(text)
    words = shlex.shlex(text, posix=True)
    words.whitespace_split, words.commenters, words.escape = True, "", ""
    return list(words)
