"""Reads who is meant from words and pipes: strictly, since Python's own `int` also takes "1_0", "+5" and " ١٢ "."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from watchdog.model.errors import Refused, WrongUsage
from watchdog.model.process import Identity
from watchdog.system.process import processes

MOST = 10_000  # lines of one pipe

_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


def pid(text: str) -> int:
    """A process id. WrongUsage for anything but plain digits without a leading zero, and beyond what pids can be."""
    found = _number(text, "pid", "a plain number such as 4242")
    most = processes.pid_max()
    if found > most:
        raise WrongUsage(f"{found} is not a pid", f"On this machine none is greater than {most}.")
    return found


def port(text: str) -> int:
    """A TCP port, 1 to 65535."""
    found = _number(text, "port", "a plain number such as 8000")
    if found > 65535:
        raise WrongUsage(f"{found} is not a port", "Ports end at 65535.")
    return found


def identities(lines: Iterable[str]) -> tuple[Identity, ...]:
    """The processes named by JSON lines as `wd find -o json` prints them.

    A line without an identity is a mistake, not nothing: a bare pid could by now belong to somebody else. Refused where
    the pipe was empty.
    """
    found: dict[Identity, None] = {}
    for number, line in enumerate(lines, 1):
        if number > MOST:
            raise WrongUsage(f"standard input has more than {MOST} lines")
        if line.strip() and (identity := _identity(line, number)) is not None:
            found[identity] = None
    if not found:
        raise Refused("nothing was selected", "No target came in on standard input.", "Name a server: :PORT.")
    return tuple(found)


def _identity(line: str, number: int) -> Identity | None:
    """None for the result line, which names no target and ends every output."""
    todo = "Pipe what `wd ps -o json` or `wd find :PORT -o json` prints."
    try:
        record = json.loads(line)
        if {"outcome", "error"} <= record.keys() and "identity" not in record:
            return None
        text = record["identity"]
        return Identity.parse(text)
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"line {number} of standard input names no target", str(error)[:200], todo) from None
    except (KeyError, TypeError, AttributeError):
        raise WrongUsage(f"line {number} of standard input names no target", "It has no identity.", todo) from None


def _number(text: str, what: str, form: str) -> int:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise WrongUsage(f"{str(text)[:40]!r} is not a {what}", todo=f"Write {form}.")
    return int(text)
