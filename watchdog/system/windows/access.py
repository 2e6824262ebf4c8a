"""What our own user may do with a file or folder; there is no other user here."""

from __future__ import annotations

import os


def may_enter(user: str | None, folder: str) -> bool:
    return os.access(folder, os.R_OK)


def may_run(user: str | None, program: str) -> bool:
    return os.access(program, os.X_OK)


def may_write(user: str | None, path: str) -> bool:
    return os.access(path, os.W_OK)
