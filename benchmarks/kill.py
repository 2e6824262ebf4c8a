"""End what holds a port: `wd kill --force` with guards, proof and journal, beside what people use for it.

    python benchmarks/kill.py [--rounds N] [--processes N …] [--json FILE]

Each turn has a new server. The time is that of the whole command; a contender that leaves the server alive fails.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

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
    given = options(__doc__ or "")
    server = Server()
    port = str(server.port)
    by_ss = f"kill -9 $(ss -Hltnp 'sport = :{port}' | grep -o 'pid=[0-9]*' | cut -d= -f2)"
    ways: list[tuple[str, str, Sequence[str]]] = [
        ("wd kill", WD, (WD, "kill", "--port", port, "--force", "--no-evidence", "--yes")),
        ("fuser -k", "fuser", ("fuser", "-k", "-KILL", f"{port}/tcp")),
        ("ss and kill", "ss", ("sh", "-c", by_ss)),
        ("lsof and kill", "lsof", ("sh", "-c", f"kill -9 $(lsof -t -i tcp:{port} -s tcp:LISTEN)")),
        ("a psutil script", sys.executable, (sys.executable, "-c", _PSUTIL, port)),
    ]

    def contender(name: str, words: Sequence[str]) -> Contender:
        def before() -> Sequence[str]:
            server.start()
            return words

        return Contender(name, before, server.ended_by_somebody)

    try:
        outcomes = [
            measure(
                "wd kill --port --force --no-evidence --yes",
                [contender(name, words) for name, program, words in ways if shutil.which(program)],
                given.rounds,
                processes,
            )
            for processes in given.processes
        ]
    finally:
        server.stop()
    show(outcomes, given.json)


if __name__ == "__main__":
    main()
