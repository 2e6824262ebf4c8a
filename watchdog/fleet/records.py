"""The nouns of a fleet: a host and how it is reached, what it answered, and one line about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from watchdog.model.exits import Exit
from watchdog.model.records import record

# unready: it was reached, and no wd could run there. unasked: wd did not try, `reason` says why.
Reached = Literal["answered", "unreachable", "silent", "unready", "unasked"]


@record(frozen=True)
class Host:
    """One host of the inventory, and how wd gets there."""

    name: str
    address: str  # for people: where its names lead
    link: tuple[str, ...]  # the words before the remote command; empty: this machine itself
    become: tuple[str, ...] = ()  # the words that make it another user's command
    password: str = field(default="", repr=False)  # for `become`, on its standard input
    python: str = ""  # the interpreter that the inventory names
    home: str = ""  # wd's home there
    patience: float = 10.0  # seconds until a connection must be there
    also: tuple[str, ...] = ()  # other names of the same host
    trouble: str = ""  # why it cannot be asked


@record(frozen=True)
class Reply:
    """How one command went on one host."""

    host: Host
    reached: Reached
    reason: str = ""  # why there is no answer; empty if there is one
    code: int | None = None  # the exit code of wd there
    rows: tuple[Mapping[str, Any], ...] = ()  # its JSON lines but the last
    result: Mapping[str, Any] = field(default_factory=dict)  # its last JSON line
    seconds: float = 0.0
    arrived: Mapping[str, Any] = field(default_factory=dict)  # what the first line said of the machine


@record(frozen=True)
class Line:
    """One line of the table: one server or service of a host, or the host where it has none."""

    host: str
    state: str
    rank: Exit
    what: str  # the server or service
    text: str
    cause: str = ""  # equal for hosts with the same trouble
