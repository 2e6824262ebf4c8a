"""Which process is it? `wd find` by port and by command line, beside what people use for it.

    python benchmarks/find.py [--rounds N] [--processes N …] [--json FILE]

wd also gives the whole tree, its roles and whether it answers: the server here answers at once. By a command line that
nobody has no question is asked.
"""

from __future__ import annotations

import sys

from servers import Server
from side_by_side import WD, fixed, installed, measure, options, show

_PSUTIL = """
import psutil, sys
port = int(sys.argv[1])
print([one.pid for one in psutil.net_connections("tcp") if one.status == "LISTEN" and one.laddr.port == port])
"""
_ABSENT = "no_such_server_anywhere.py"


def main() -> None:
    given = options(__doc__ or "")
    outcomes = []
    for processes in given.processes:
        server = Server(answers=True)
        server.start()
        try:
            port = str(server.port)
            by_port = [
                fixed("wd find --port", WD, "find", "--port", port),
                *installed(
                    ("fuser", fixed("fuser", "fuser", f"{port}/tcp")),
                    ("lsof", fixed("lsof", "lsof", "-t", "-i", f"tcp:{port}", "-s", "tcp:LISTEN")),
                    ("ss", fixed("ss", "ss", "-ltnp", f"sport = :{port}")),
                ),
                fixed("a psutil script", sys.executable, "-c", _PSUTIL, port),
            ]
            outcomes.append(measure("wd find --port", by_port, given.rounds, processes))
        finally:
            server.stop()
        by_name = [
            fixed("wd find --cmdline", WD, "find", "--cmdline", _ABSENT),
            *installed(("pgrep", fixed("pgrep -f", "pgrep", "-f", _ABSENT))),
        ]
        outcomes.append(measure("wd find --cmdline", by_name, given.rounds, processes))
    show(outcomes, given.json)


if __name__ == "__main__":
    main()
