"""A loop that reads again and again from somebody who is gone: each read gives nothing at once, for ever. Pure."""

from __future__ import annotations

import ast

from watchdog.diagnosis import shape
from watchdog.diagnosis.threads import Threads, ThreadView
from watchdog.model.evidence import Frame

_READS = frozenset({"recv", "recv_into", "recv_bytes", "read", "read1", "readline", "readinto", "receive"})


def read_after_end(view: Threads, thread: ThreadView, frame: Frame) -> str:
    """Whom the `while` loop at this line reads from, in words; empty unless that one has closed its end."""
    source = view.file(frame.file)
    loop = shape.innermost_loop(source, frame.line) if source and not source.changed_since_start else None
    if not isinstance(loop, ast.While):
        return ""
    calls = {shape.called_name(node) for node in ast.walk(loop) if isinstance(node, ast.Call)}
    return _closed(view, thread.pid) if calls & _READS and not _flows(view, thread.pid) else ""


def _closed(view: Threads, pid: int) -> str:
    for one in view.evidence.connections:
        if one.pid == pid and one.state == "CLOSE_WAIT" and not one.unread:
            return f"{one.remote}, which has closed the connection"
    for end in view.evidence.descriptors:
        if end.pid == pid and end.kind == "pipe" and not end.writable and not end.other_ends and end.number > 0:
            return "a pipe whose other end is closed"
    return ""


def _flows(view: Threads, pid: int) -> bool:
    """Whether data came in from another peer meanwhile: the loop may read that."""
    return any(
        one.pid == pid and one.state == "ESTABLISHED" and one.received_ago is not None and one.received_ago < view.span
        for one in view.upstreams
    )
