"""Processes of macOS: psutil's, with the moment of the boot for its id. Nobody has run this on a Mac yet."""

from __future__ import annotations

import functools

import psutil

from watchdog.system.portable.processes import (
    command_lines,
    environment,
    expect_questions,
    is_alive,
    pid_max,
    read,
    rows,
    table,
    thread_ids,
    with_commands,
)

__all__ = [
    "boot_id",
    "command_lines",
    "environment",
    "expect_questions",
    "is_alive",
    "pid_max",
    "read",
    "rows",
    "table",
    "thread_ids",
    "with_commands",
]


@functools.cache
def boot_id() -> str:
    """The boot's moment stands for its id."""
    return f"{int(psutil.boot_time()):x}"
