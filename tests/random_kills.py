"""kill -9 of a shim, a server or a wd at random moments, and what must hold after each.

For a live test, and with WD_KILLS=200 for a longer look.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bridges import Host, all_gone, bridge, child
from support import alive, wait_for
from watching import Home, Service

from watchdog.starting import launch
from watchdog.system.process import processes
from watchdog.system.shim import posts

VICTIMS = ("server", "shim", "loop", "restart", "runbook")
COMMANDS = {
    "restart": ("restart", "shop", "--yes"),
    "runbook": ("run", "bring-back", "--service", "shop", "--yes"),
}


def seed() -> int:
    """For the chances of one run; WD_SEED gives it again."""
    chosen = int(os.environ.get("WD_SEED", "0")) or random.randrange(1, 1 << 30)
    print(f"WD_SEED={chosen}")
    return chosen


class Kills:
    """A service behind a held socket, a loop, and somebody who kills them."""

    def __init__(self, home: Home, seed: int) -> None:
        self.home, self.random, self.counts = home, random.Random(seed), Counter[str]()
        self.service = home.service("shop", "held.py")
        playbook = self.service.playbook
        playbook["start"]["listen"] = f"127.0.0.1:{self.service.port}"
        playbook["triggers"].append({"on": "death", "run": "bring-back"})
        playbook["policy"] |= {
            "give_up": {"restarts": 1000, "within": "1s"}, "backoff": {"first": "10ms", "max": "50ms"},
            "per_hour": 0, "per_hour_everywhere": 0,
        }  # fmt: skip
        self.service.write()
        assert home.wd("start", "shop").code == 0
        self.loop = home.watch()

    def round(self) -> None:
        """One kill, and the wait until one server serves again."""
        victim = self.random.choice(VICTIMS)
        assert (
            self.home.wd("resume", "shop").code == 0
        )  # three ends within a second are a crash loop, given up for good
        before, shim = self.service.pid(), self.shim()
        starting = self.is_starting()  # whoever kills the server now lets that start fail, and wd says so
        with Refused(self.service) as refused:
            getattr(self, f"_kill_{victim}")(before, shim)
            self._settle()
        self.counts[victim] += 1
        print(f"{time.time():.3f} {victim}: server {before}, shim {shim} -> server {self.service.pid()}")
        if shim and not starting:
            assert not refused.count, f"{refused.count} refused after the kill of the {victim}, while its shim lived"

    def shim(self) -> int:
        """The pid of the shim that holds the socket of the server; 0 if it was killed."""
        process = processes.read(self.service.pid())
        return process.parent if process and process.parent in posts.holding() else 0

    def is_starting(self) -> bool:
        """Whether a shim works on a start, or nobody has told it yet that the start is done."""
        with (self.home.folder / "logs" / "shim" / "shop" / "lock").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
            return False

    def check_records(self) -> None:
        """Each server has a record of its start, and each one that is gone a record of its end.

        Where its shim was killed before it, the next start notes its end.
        """
        words = ("run", "bring-back", "--service", "shop", "--yes")
        wait_for(lambda: self.home.wd(*words).code == 0, "the loop is done with it", 60)

        def missing() -> list[str]:
            noted = {one.pid: one for one in launch.records(self.home.folder / "logs", "shop")}
            found = [f"no record of {pid}" for pid in self.service.starts() if pid not in noted]
            return found + [
                f"no end of {pid}"
                for pid, one in noted.items()
                if one.identity and one.ended is None and not processes.is_alive(one.identity)
            ]

        wait_for(lambda: not missing(), f"each start and end is noted, not so: {missing()}")

    def _kill_server(self, server: int, shim: int) -> None:
        os.kill(server, signal.SIGKILL)

    def _kill_shim(self, server: int, shim: int) -> None:
        if shim:
            os.kill(shim, signal.SIGKILL)
            wait_for(lambda: not alive(shim), "the shim is gone")
            assert alive(server), "its server goes on"

    def _kill_loop(self, server: int, shim: int) -> None:
        os.killpg(self.loop.process.pid, signal.SIGKILL)
        self.loop.process.wait(30)
        if self.random.random() < 0.5:
            os.kill(server, signal.SIGKILL)  # nobody but the shim is there
        self.loop = self.home.watch()

    def _kill_restart(self, server: int, shim: int) -> None:
        self._cut_off("restart", server)

    def _kill_runbook(self, server: int, shim: int) -> None:
        self._cut_off("runbook", server)

    def _cut_off(self, name: str, server: int) -> None:
        """A wd in the middle of its work, wherever that is."""
        child = self.home.begin(*COMMANDS[name])
        time.sleep(self.random.uniform(0.0, 3.0))
        os.killpg(child.pid, signal.SIGKILL)
        child.wait(30)
        assert child.stdout is not None
        child.stdout.close()

    def _settle(self) -> None:
        wait_for(lambda: len(self.service.living()) == 1, f"one server runs, not {self.service.living()}", 120)
        wait_for(lambda: self.service.pid() in self.service.living(), "it answers", 60)


class Refused:
    """Counts the connections that were refused meanwhile."""

    def __init__(self, service: Service) -> None:
        self.count, self._service, self._over = 0, service, threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Refused:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def _ask(self) -> None:
        while not self._over.wait(0.02):
            try:
                socket.create_connection(("127.0.0.1", self._service.port), 5).close()
            except ConnectionRefusedError:
                self.count += 1
            except OSError:
                pass


class SidecarKills:
    """A session over stdin and stdout, and somebody who kills one of its processes while messages are under way."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random, self.counts = folder, random.Random(seed), Counter[str]()

    def round(self, number: int) -> None:
        victim = self.random.choice(("child", "keeper", "bridge", "host"))
        folder = self.folder / f"round-{number}"
        folder.mkdir(mode=0o700)
        with bridge(folder, *child(folder)) as host:
            host.initialize()
            seen = host.tree()
            for _ in range(self.random.randint(0, 20)):
                host.ask("echo")
            time.sleep(self.random.uniform(0.0, 0.3))
            self._kill(victim, host)
            if victim in ("child", "keeper"):
                all_gone(host.lives()[:1])  # a killed keeper takes its child along a moment later
                lives = [self._answer(host, f"try-{place}").get("life") for place in range(3)]
                assert lives[-1] == 2, f"answered by the lives {lives}; None is an error"
                assert host.end() == 0
            all_gone([*seen, *host.lives()])
        self.counts[victim] += 1

    def _answer(self, host: Host, number: str) -> dict[str, Any]:
        """To this request, after those that are under way; empty where it is an error of the bridge."""
        host.send(id=number, method="echo")
        while True:
            answer = host.take()
            assert "result" in answer or answer["error"]["code"] == -32000, answer
            if answer["id"] == number:
                found: dict[str, Any] = answer.get("result", {})
                return found

    def _kill(self, victim: str, host: Host) -> None:
        running = host.lives()[-1]
        if victim == "host":  # its ends of the pipes close with it
            for stream in (host.process.stdin, host.process.stdout):
                assert stream is not None
                stream.close()
            return
        keeper = processes.read(running)
        assert keeper is not None
        os.kill({"child": running, "keeper": keeper.parent, "bridge": host.process.pid}[victim], signal.SIGKILL)
