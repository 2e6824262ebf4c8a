"""Peers that a process was told: addresses in its arguments, its variables and the end of its log. None is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from watchdog.model.evidence import LogTail
from watchdog.system.process import processes
from watchdog.targets import originals

_MOST = 4
_SECONDS = 0.5
_LOG = 4000  # characters at the end of a log
_PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671, "pyamqp": 5672, "nats": 4222}
_URL = re.compile(
    rf"\b(?P<scheme>{'|'.join(_PORTS)})://(?:[^@/\s]*@)?(?P<host>[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(?P<port>\d{{1,5}}))?"
)


def named_peers(pid: int, logs: Iterable[LogTail] = ()) -> tuple[tuple[str, str], ...]:
    """(address, protocol) of each message broker that is named: ("10.0.0.5:6379", "redis")."""
    process = processes.read(pid)
    if process is None:
        return ()
    known = originals.with_commands([process], within=_SECONDS).get(pid, process)
    words = [*known.words, *(known.cmdline or ())]  # RQ overwrites the address in its arguments with a title
    words += (processes.environment(pid, within=_SECONDS) or {}).values()
    words += [log.text[-_LOG:] for log in logs]
    found = (match for word in words for match in _URL.finditer(word))
    return tuple(dict.fromkeys(map(_address, found)))[:_MOST]


def _address(match: re.Match[str]) -> tuple[str, str]:
    scheme = match["scheme"].removeprefix("py")
    host = "127.0.0.1" if match["host"] == "localhost" else match["host"]
    return f"{host}:{int(match['port'] or _PORTS[match['scheme']])}", scheme
