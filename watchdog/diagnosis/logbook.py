"""What the last part of a log tells: tracebacks, and the lines that servers write when they are in trouble. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from watchdog.model.evidence import Frame, LogTail
from watchdog.model.records import record

_FRAME = re.compile(r'File "(?P<file>[^"\n]{1,500})", line (?P<line>\d{1,7})(?:, in (?P<function>[^\n]{1,200}))?')
_HEAD = "Traceback (most recent call last)"
_ERROR = re.compile(r"^[\s|+]*(?P<type>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Timeout|Full|Group)"
                    r"|[a-z_][\w.]*\.[A-Z]\w*)(?::\s?(?P<message>.*))?$")  # fmt: skip
_REQUEST = re.compile(r'"?(?P<method>GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (?P<path>/[^\s"]{0,300})')
_DEAD = re.compile(r"Exception in thread (?P<name>.{1,100}?)(?=:|Exception ignored|$)", re.MULTILINE)
_LINES = 4000


@record(frozen=True)
class Logged:
    """One traceback of a log. `at` counts lines from the end: 1 is the last line."""

    type: str
    message: str
    frames: tuple[Frame, ...]  # innermost first
    at: int
    log: str

    @property
    def short(self) -> str:
        return f"{self.type.rpartition('.')[2]}: {self.message}" if self.message else self.type


@lru_cache(maxsize=16)
def tracebacks(log: LogTail) -> tuple[Logged, ...]:
    """In the order of the log."""
    lines = log.text.splitlines()[-_LINES:]
    found: list[Logged] = []
    frames: list[Frame] | None = None
    for number, line in enumerate(lines):
        if _HEAD in line:
            frames = []
            continue
        if frames is None:
            continue
        frame = _FRAME.search(line)
        if frame:
            frames.append(Frame((frame["function"] or "<module>").strip(), frame["file"], int(frame["line"])))
            continue
        error = _ERROR.match(line)
        if error and (frames or "Group" in error["type"]):
            found.append(
                Logged(
                    error["type"],
                    (error["message"] or "").strip()[:300],
                    tuple(frames[::-1]),
                    len(lines) - number,
                    log.path,
                )
            )
            frames = None
    return tuple(found)


def all_tracebacks(logs: Iterable[LogTail]) -> tuple[Logged, ...]:
    return tuple(one for log in logs for one in tracebacks(log))


def dead_threads(logs: Iterable[LogTail], within: int = 60) -> tuple[str, ...]:
    """Names of threads that have ended with an exception, by the last lines of the logs. Where memory was short, the
    rest of the line may be missing, or another one's."""
    text = "\n".join(line for log in logs for line in log.text.splitlines()[-within:])
    return tuple(dict.fromkeys(match["name"].strip() for match in _DEAD.finditer(text)))


def last_lines(log: LogTail, count: int) -> list[str]:
    return [line for line in log.text.splitlines()[-count * 2 :] if line.strip()][-count:]


def matching(logs: Iterable[LogTail], pattern: str, within: int = 400) -> list[str]:
    """Lines among the last ones of each log in which the pattern occurs, oldest first."""
    wanted = re.compile(pattern)
    return [line.strip() for log in logs for line in log.text.splitlines()[-within:] if wanted.search(line)]


def requests(logs: Iterable[LogTail], count: int = 5) -> tuple[str, ...]:
    """Method and path of the last requests that an access log names, the newest last."""
    found = [f"{match['method']} {match['path']}" for log in logs for match in _REQUEST.finditer(log.text[-20000:])]
    return tuple(found[-count:])
