"""One end of a process is one death, however many look at it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from support import wait_for

from watchdog.journal.store import Journal
from watchdog.model.playbook import Playbook
from watchdog.model.process import Member, Tree
from watchdog.model.selector import Selector
from watchdog.system.process import processes
from watchdog.watch.death_watcher import DeathWatcher
from watchdog.watch.loop_state import LoopState
from watchdog.watch.watched import Watched


def test_an_end_that_several_threads_see_at_once_is_counted_once(folder: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = processes.read(child.pid)
    assert process is not None
    child.kill()
    child.wait(30)
    watched = Watched(Playbook("shop", Selector(cmdline=(f"no-such-program-{folder.name}",))))
    with Journal.open(folder) as journal:
        state = LoopState(None, folder, journal)
        state.services["shop"] = watched
        watcher = DeathWatcher(state)
        for _ in range(3):  # each look at the processes may find the tree as it was before
            watched.tree = Tree((Member(process, "main"),))
            threads = [threading.Thread(target=watcher.watch, args=(watched,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
        wait_for(lambda: watched.stored.lives, "the death is noted")
        assert [life.pid for life in watched.stored.lives] == [child.pid]
        watcher.stop()
