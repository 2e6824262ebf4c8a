"""What the kernel wrote down about processes that it ended because memory ran out."""

from __future__ import annotations

import os
import re
from pathlib import Path

from watchdog.model.facts import OomKill

_KILLED = re.compile(r"[Kk]illed process (\d+) \(([^)]*)\)(?:.*?anon-rss:(\d+)kB)?")
_MOST = 20_000  # records


def oom_kills(now: float) -> tuple[OomKill, ...]:
    """Oldest first. PermissionError without the right to read the kernel's log, OSError where there is none."""
    up = float(Path("/proc/uptime").read_text().split()[0])
    found = []
    descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        for _ in range(_MOST):
            try:
                record = os.read(descriptor, 8192).decode("utf-8", "replace")
            except BlockingIOError:
                break
            except BrokenPipeError:  # overwritten while we read: the next read goes on behind the gap
                continue
            head, _, text = record.partition(";")
            match = _KILLED.search(text)
            if match and "emory" in text:
                since_boot = int(head.split(",")[2]) / 1e6
                found.append(
                    OomKill(
                        when=now - up + since_boot,
                        pid=int(match[1]),
                        name=match[2],
                        rss=int(match[3]) * 1024 if match[3] else None,
                        text=text.splitlines()[0][:200],
                    )
                )
    finally:
        os.close(descriptor)
    return tuple(found)
