"""End what holds a port: `wd kill --force` with guards, proof and journal, beside what people use for it.

    python benchmarks/kill.py [--rounds N] [--processes N …] [--resident MIB] [--json FILE]

Each turn has a new server. The time is that of the whole command; a contender that leaves the server alive fails.
With `--resident 4096` the server fills so much memory, and the time ends when its port can be bound again. The peer is
then `kill -9` by somebody who knows the pid.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence

from servers import Server
from side_by_side import WD, Contender, measure, options, show

_PSUTIL = """
import psutil, sys
port = int(sys.argv[1])
for one in psutil.net_connections("tcp"):
    if one.status == "LISTEN" and one.laddr.port == port and one.pid:
        psutil.Process(one.pid).kill()
"""


def main() -> None:
    given = options(__doc__ or "", more=_more)
    server = Server(resident=given.resident)
    contenders = _until_bindable(server) if given.resident else _whole_commands(server)
    question = "wd kill --port --force --no-evidence --yes"
    if given.resident:
        question += f", {given.resident} MiB resident, until the port can be bound"
    try:
        outcomes = [
            measure(question, contenders, given.rounds, processes, count=not given.resident)
            for processes in given.processes
        ]
    finally:
        server.stop()
    show(outcomes, given.json)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--resident", type=int, default=0, help="MiB of memory that the server fills")


def _whole_commands(server: Server) -> list[Contender]:
    port = str(server.port)
    by_ss = f"kill -9 $(ss -Hltnp 'sport = :{port}' | grep -o 'pid=[0-9]*' | cut -d= -f2)"
    ways: list[tuple[str, str, Sequence[str]]] = [
        ("wd kill", WD, _wd_kill(port)),
        ("wd kill with its quick evidence", WD, (WD, "kill", "--port", port, "--force", "--yes")),
        ("fuser -k", "fuser", ("fuser", "-k", "-KILL", f"{port}/tcp")),
        ("ss and kill", "ss", ("sh", "-c", by_ss)),
        ("lsof and kill", "lsof", ("sh", "-c", f"kill -9 $(lsof -t -i tcp:{port} -s tcp:LISTEN)")),
        ("a psutil script", sys.executable, (sys.executable, "-c", _PSUTIL, port)),
    ]
    return [_ends(server, name, lambda words=words: words) for name, program, words in ways if shutil.which(program)]


def _until_bindable(server: Server) -> list[Contender]:
    found = [
        _ends(server, "wd kill", lambda: _wd_kill(str(server.port))),
        _ends(server, "kill -9, the pid known", lambda: ("sh", "-c", f"kill -9 {server.pid}")),
    ]
    for one in found:
        one.done = server.port_is_free
    return found


def _wd_kill(port: str) -> Sequence[str]:
    return (WD, "kill", "--port", port, "--force", "--no-evidence", "--yes")


def _ends(server: Server, name: str, words: Callable[[], Sequence[str]]) -> Contender:
    """A contender that is to end a new server."""

    def before() -> Sequence[str]:
        server.start()
        return words()

    return Contender(name, before, server.ended_by_somebody)


if __name__ == "__main__":
    main()
