"""From the hang or death of FastAPI servers to their next good answer, beside the server's own start.

    python benchmarks/recovery.py stop|die|block|loop|lock|native|first|several|run [--rounds N] [--json FILE]

The first six harm one server under `wd watch` (every 1s, timeout 1s, fails 2). `first`: the first death of a server
that wd did not start, beside a later one. `several`: five of twelve servers hang at once, until the last is back,
beside one that hangs alone and five that start at once without wd. `run`: `wd run frozen-server` on a hung server,
without a loop. Needs fastapi and uvicorn (the extra `test`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from side_by_side import options
from watched_home import Home, came_back, free_port, harm, home, watched, who_answers

_HANGS = ("stop", "die", "block", "loop", "lock", "native")
_SERVICES, _HUNG = 12, 5
_SETTLED = 4.0  # seconds under the loop after which it knows the server
_OWN = "the server's own start"

Times = dict[str, float]  # seconds, by what they measure; the first is that of wd


def main() -> None:
    given = options(__doc__ or "", loads=None, more=_more)
    rounds = {"first": _first_deaths, "several": _several, "run": _runs}.get(given.how, _one_server)
    found: dict[str, list[float]] = {}
    busy = []
    for times in rounds(given.how, given.rounds):
        busy.append(os.getloadavg()[0] / (os.cpu_count() or 1))
        for name, seconds in times.items():
            found.setdefault(name, []).append(seconds)
    _show(found, statistics.mean(busy), given.json)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("how", choices=(*_HANGS, "first", "several", "run"))
    parser.set_defaults(rounds=5)


def _one_server(how: str, rounds: int) -> Iterator[Times]:
    with home() as made:
        ((name, port),) = made.ports.items()
        made.do("start", "--service", name)
        with watched(made):
            for _ in range(rounds):
                _wait_for_a_moment()
                yield {f"{how} to the next good answer": _back_after(how, [port]), _OWN: _own_start(made)}


def _first_deaths(_: str, rounds: int) -> Iterator[Times]:
    """Each round has a new loop, for which the death is the first one."""
    for _ in range(rounds):
        with home() as made, contextlib.ExitStack() as stack:
            (port,) = made.ports.values()
            own = stack.enter_context(made.own_start(port))
            stack.enter_context(watched(made))
            _wait_for_a_moment()
            first = _back_after("die", [port])
            _wait_for_a_moment()
            yield {"first death to the next good answer": first, "a later death": _back_after("die", [port]), _OWN: own}


def _several(_: str, rounds: int) -> Iterator[Times]:
    with home(_SERVICES) as made:
        for name in made.ports:
            made.do("start", "--service", name)
        ports = list(made.ports.values())
        with watched(made):
            for _ in range(rounds):
                _wait_for_a_moment()
                last = _back_after("block", random.sample(ports, _HUNG))
                _wait_for_a_moment()
                alone = _back_after("block", random.sample(ports, 1))
                yield {
                    f"{_HUNG} of {_SERVICES} hung, until the last is back": last,
                    "one alone": alone,
                    f"{_HUNG} own starts at once": _own_start(made, _HUNG),
                    _OWN: _own_start(made),
                }


def _runs(_: str, rounds: int) -> Iterator[Times]:
    with home() as made:
        ((name, port),) = made.ports.items()
        made.do("start", "--service", name)
        for _ in range(rounds):
            pid = who_answers(port, 2)
            harm("block", pid, port)
            time.sleep(1)  # it hangs
            begun = time.monotonic()
            run = made.begin("run", "frozen-server", "--service", name, "--yes")
            answered = came_back(port, pid) - begun
            if code := run.wait():
                raise RuntimeError(f"the run ended with {code}")
            whole = time.monotonic() - begun
            yield {"wd run, to the next good answer": answered, "wd run, with its proof and report": whole} | {
                _OWN: _own_start(made)
            }


def _wait_for_a_moment() -> None:
    time.sleep(_SETTLED + random.random())  # anywhere between two questions of the loop


def _back_after(how: str, ports: list[int]) -> float:
    """Seconds from the harm until another process answers on each of these ports."""
    before = {port: who_answers(port, 2) for port in ports}
    begun = time.monotonic()
    for port, pid in before.items():
        harm(how, pid, port)
    with ThreadPoolExecutor(len(ports)) as pool:
        return max(pool.map(lambda port: came_back(port, before[port]), ports)) - begun


def _own_start(made: Home, count: int = 1) -> float:
    """Seconds until the last of so many servers that start at once, without wd, answers."""
    begun = time.monotonic()
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(count) as pool:
        starts = [made.own_start(free_port()) for _ in range(count)]
        list(pool.map(stack.enter_context, starts))
        return time.monotonic() - begun


def _show(found: dict[str, list[float]], busy: float, file: Path | None) -> None:
    own = statistics.median(next(iter(found.values())))
    print(f"\n{len(next(iter(found.values())))} rounds, load {busy:.1f} a CPU")
    print("\n| | median s | range s | the first to it |\n|---|---|---|---|")
    rows = []
    for name, times in found.items():
        median = statistics.median(times)
        rows.append({"name": name, "median_s": round(median, 2), "seconds": [round(one, 2) for one in times]})
        print(f"| {name} | {median:.2f} | {min(times):.2f} to {max(times):.2f} | {own / median:.2f} |")
    if file:
        file.write_text(json.dumps({"busy": round(busy, 1), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
