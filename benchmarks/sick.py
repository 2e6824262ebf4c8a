"""A machine with twenty servers, one of them hung: `wd ps` finds it, `wd why` names its cause.

    python benchmarks/sick.py [--rounds N] [--processes N …] [--json FILE]

Nothing else answers these questions. py-spy, where it is installed, only dumps the stacks of the hung one.
"""

from __future__ import annotations

import contextlib

from servers import Server
from side_by_side import WD, fixed, installed, measure, options, show

_SERVERS = 20


def main() -> None:
    given = options(__doc__ or "", loads=(0, 3000))
    outcomes = []
    with contextlib.ExitStack() as stack:
        servers = [Server(answers=number > 0) for number in range(_SERVERS)]
        for server in servers:
            stack.callback(server.stop)
            server.start()
        hung = servers[0]
        dump = installed(("py-spy", fixed("py-spy dump", "py-spy", "dump", "--nonblocking", "--pid", str(hung.pid))))
        for processes in given.processes:
            outcomes.append(measure("wd ps", [fixed("wd ps", WD, "ps")], given.rounds, processes))
            why = fixed("wd why", WD, "why", f":{hung.port}")
            outcomes.append(measure("wd why", [why, *dump], given.rounds, processes))
    show(outcomes, given.json)


if __name__ == "__main__":
    main()
