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


# waiting: not begun. begun: it may run there. unreachable: it was never begun. silent: begun, and nothing is known.
Stage = Literal["waiting", "begun", "ok", "failed", "unreachable", "silent"]
ENDED: tuple[Stage, ...] = ("ok", "failed")
LOST: tuple[Stage, ...] = ("failed", "unreachable", "silent")  # what the budget counts


@record(frozen=True)
class HostRun:
    """A run on one host, as far as the controller knows."""

    host: str
    stage: Stage = "waiting"
    outcome: str = ""  # the word of the run there: recovered, failed, refused
    text: str = ""  # what it came to, or why nothing is known
    code: int | None = None
    cause: str = ""  # of the trouble that it was meant to cure
    incident: str = ""  # its id on the host
    seconds: float = 0.0
    late: bool = False  # it was silent, and its result came after the run had gone on without it
    same_as: str = ""  # another name of that host: it was not run twice
    identity: str = ""  # machine and account
    node: str = ""  # the machine, as it names itself
    files: tuple[Mapping[str, Any], ...] = ()  # path, bytes, sha256, error
    missing: str = ""  # why its files could not be fetched


@record(frozen=True)
class Plan:
    """What was meant to be done, on which hosts, in which order. Written before the first host is begun."""

    id: str
    runbook: str
    words: tuple[str, ...]  # after `wd`, on each host
    hosts: tuple[str, ...]
    batches: tuple[tuple[str, ...], ...]
    inventory: tuple[str, ...]
    limit: str = ""
    max_failed: int = 0
    at_once: int = 25
    deadline: float = 900.0
    silence: float = 60.0
    proofs: tuple[str, ...] = ()
    proof_within: float = 60.0
    made: float = 0.0  # seconds since the epoch
    limit_of_all: int = 0  # hosts at a time over all controllers that share a store; 0: no limit
    lease: float = 60.0  # seconds for which a slot of a dead controller stays taken
