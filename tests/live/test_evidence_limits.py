"""The memory that a process may have is known before it has used it up."""

from __future__ import annotations

import support

from watchdog.evidence import threads
from watchdog.system.host import machine
from watchdog.system.process import processes

SETS = "import resource, time; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 31)); time.sleep(600)"


def test_a_bound_on_the_address_space_is_told_with_each_look() -> None:
    with support.running("-c", SETS, listening=False) as server:
        support.wait_for(lambda: machine.address_limit(server.process.pid) == 1 << 30, "the limit")
        process = processes.read(server.process.pid)
        assert process is not None
        assert [one.memory_limit for one in threads.look([process], 0.0)] == [1 << 30]


def test_without_a_bound_there_is_none_to_tell() -> None:
    with support.running("-c", "import time; time.sleep(600)", listening=False) as server:
        assert machine.address_limit(server.process.pid) is None
    assert machine.address_limit(server.process.pid) is None
