"""A server that dies again and again is found by its port, also between two of its lives."""

from __future__ import annotations

from dataclasses import replace

from support import SERVERS, end_session, running

from watchdog.model.selector import Selector
from watchdog.system.process import processes
from watchdog.targets import fleeting
from watchdog.targets.resolve import look, resolve
from watchdog.targets.scene import Scene


def test_a_flapping_server_is_found_whenever_one_asks() -> None:
    with running(str(SERVERS / "flapping.py"), "{port}", listening=False) as server:
        for _ in range(4):
            (tree,) = resolve(Selector(port=server.port))
            assert server.pid in tree.pids


def test_a_server_that_ends_under_the_look_is_not_taken_for_one_that_runs() -> None:
    with running(str(SERVERS / "family.py"), "{port}", "ignore") as server:
        scene = Scene.look()
        end_session(server.process)
        assert look(Selector(port=server.port), scene=scene).trees == ()


def test_a_process_without_memory_is_ending_unless_it_hangs_in_its_end() -> None:
    with running(str(SERVERS / "family.py"), "{port}", "ignore") as server:
        whole = processes.read(server.pid)
        assert whole is not None
        bare = replace(whole, cmdline=(), exe=None, rss=0)  # as it is read after its memory is gone
        assert not fleeting.ends_now(bare)
        end_session(server.process)
        assert fleeting.ends_now(bare) and not fleeting.ends_now(whole)
