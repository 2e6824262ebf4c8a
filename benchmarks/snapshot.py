"""Keep the evidence of a server with 50 threads and a large log, beside what a person would copy by hand.

    python benchmarks/snapshot.py [--rounds N] [--processes N …] [--json FILE]

wd keeps the last part of the log, the stacks, and thirteen other kinds of evidence. `cp` keeps the log alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from servers import Server
from side_by_side import WD, Contender, fixed, installed, measure, options, show

_MEGABYTES = 1024
_LINE = "2026-01-31 03:00:12,123 INFO shop.views request id={0} GET /items/{0}?page=3 200 17 ms user=kim session=None\n"


def main() -> None:
    given = options(__doc__ or "", (0,))
    with tempfile.TemporaryDirectory(prefix="wd-bench-", dir="/var/tmp") as place:
        log = Path(place, "shop.log")
        with log.open("wb") as file:
            file.writelines(_blocks(_MEGABYTES))
        server = Server(threads=50, log=str(log))
        server.start()
        try:
            contenders = _contenders(server, log, Path(place))
            outcomes = [
                measure("wd snapshot", contenders, given.rounds, processes, count=False)
                for processes in given.processes
            ]
        finally:
            server.stop()
    show(outcomes, given.json)


def _contenders(server: Server, log: Path, place: Path) -> list[Contender]:
    copy = place / "copy.log"
    spy = str(Path(WD).with_name("py-spy"))
    return [
        fixed("wd snapshot", WD, "snapshot", "--port", str(server.port), "--logs", str(log)),
        Contender("cp of the log", lambda: ("cp", str(log), str(copy)), lambda: copy.unlink(missing_ok=True)),
        fixed("tail -c 1000000", "sh", "-c", f"tail -c 1000000 {log} > {place}/tail.log"),
        *installed((spy, fixed("py-spy dump", spy, "dump", "--nonblocking", "--pid", str(server.pid)))),
    ]


def _blocks(megabytes: int) -> Iterator[bytes]:
    block = "".join(_LINE.format(number) for number in range(10_000)).encode()
    for _ in range(megabytes * 1_048_576 // len(block)):
        yield block


if __name__ == "__main__":
    main()
