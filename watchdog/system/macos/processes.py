"""Processes of macOS: psutil's. Nobody has run this on a Mac yet."""

from __future__ import annotations

from watchdog.system.portable.processes import (
    SHORTEST_CPU_USE,
    boot_id,
    command_lines,
    cpu_seconds,
    environment,
    expect_questions,
    is_alive,
    pid_max,
    read,
    rows,
    table,
    thread_ids,
    transferred,
    with_commands,
)

__all__ = [
    "SHORTEST_CPU_USE",
    "boot_id",
    "command_lines",
    "cpu_seconds",
    "environment",
    "expect_questions",
    "is_alive",
    "pid_max",
    "read",
    "rows",
    "table",
    "thread_ids",
    "transferred",
    "with_commands",
]
