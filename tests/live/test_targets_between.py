"""A server that dies again and again is found by its port, also between two of its lives."""

from __future__ import annotations

from support import SERVERS, running

from watchdog.model.selector import Selector
from watchdog.targets.resolve import resolve


def test_a_flapping_server_is_found_whenever_one_asks() -> None:
    with running(str(SERVERS / "flapping.py"), "{port}", listening=False) as server:
        for _ in range(4):
            (tree,) = resolve(Selector(port=server.port))
            assert server.pid in tree.pids
