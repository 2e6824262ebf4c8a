"""A home with services for the live tests of the loop, and the loop itself as a child."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import homes
from channels import Channels
from homes import ROOT, SERVERS, WD
from support import free_port, wait_for

from watchdog.system.process import processes

_SLACK = 1.0  # seconds; the kernel counts a start from the boot, whose moment it tells in whole seconds


class Service:
    """One service of a home; its server, one of tests/servers, reads in `folder` what to do."""

    def __init__(self, home: Home, name: str, server: str) -> None:
        self.home, self.name, self.port = home, name, free_port()
        self.folder = home.folder / f"run-{name}"
        self.folder.mkdir(mode=0o700)
        self.argv = [sys.executable, str(SERVERS / server), str(self.port), str(self.folder)]
        self.playbook: dict[str, Any] = {
            "service": name,
            "find": {"port": self.port},
            "start": {"command": self.argv, "cwd": str(self.folder), "ready": {"within": "20s"}},
            "probes": {"health": {"http": "/health", "every": "300ms", "timeout": "1s", "fails": 2}},
            "triggers": [{"on": "health", "run": "bring-back"}],
            "policy": {"mode": "act", "grace": "2s"},
        }
        self.write()

    @property
    def file(self) -> Path:
        return self.home.folder / "playbooks" / f"{self.name}.yml"

    def write(self) -> None:
        self.file.write_text(json.dumps(self.playbook))
        self.file.chmod(0o600)

    def start(self) -> int:
        """As its shim would start it; waits until it answers."""
        process = subprocess.Popen(
            self.argv, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
        self.home.started.append(process)
        wait_for(self.answers, f"{self.name} answers")
        return process.pid

    def tell(self, name: str, value: float | str | None = 3600) -> None:
        path = self.folder / name
        if value is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(str(value))

    def answers(self, limit: float = 2.0) -> str:
        """Its words, or nothing."""
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=limit) as reply,
        ):
            return str(reply.read().decode())
        return ""

    def pid(self) -> int:
        """Of the server that answers; 0 if none does."""
        words = self.answers().split()
        return int(words[1]) if len(words) == 2 else 0

    def starts(self) -> list[int]:
        """Every process of it that ever started."""
        return sorted(int(path.name.partition("-")[2]) for path in self.folder.glob("started-*"))

    def living(self) -> list[int]:
        return [pid for pid in self.starts() if self._lives(pid)]

    def _lives(self, pid: int) -> bool:
        """Whether it is still the process that wrote this file: its pid may belong to somebody else by now."""
        process = processes.read(pid)
        written = (self.folder / f"started-{pid}").stat().st_mtime
        return process is not None and not process.ended and process.started < written + _SLACK


CALM_MACHINE = """
import sys
if {{"watch", "tick"}} & {{*sys.argv, *sys.orig_argv}}:
    sys.path.insert(0, {root!r})
    from watchdog.policy import pressure
    pressure.starved = lambda machine: ""
"""


def calm(home: Path) -> dict[str, str]:
    """The environment of a wd that believes that the machine has free CPUs, also where many tests run at a time."""
    (home / "sitecustomize.py").write_text(CALM_MACHINE.format(root=str(ROOT)))
    return {"PYTHONPATH": f"{home}{os.pathsep}{ROOT}"}


RUNBOOK = """---
summary: For tests, end it, start it, prove it.
---
# Bring back
```wd timeout=60s on-fail=escalate
kill --grace 2s
```
```wd timeout=60s on-fail=stop
start
```
```wd timeout=60s on-fail=stop
verify --healthy 1 --within 30s
```
"""


class Home(homes.Home):
    """A home with services for the loop. Ends every server that it, or a wd on it, started."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.started: list[subprocess.Popen[bytes]] = []
        self.services: list[Service] = []
        self.daemons: list[subprocess.Popen[str]] = []
        self.runbook("bring-back", RUNBOOK)

    def environment(self, *words: str) -> dict[str, str]:
        return {**super().environment(*words), **(calm(self.folder) if "tick" in words else {})}

    def service(self, name: str = "shop", server: str = "switch.py") -> Service:
        service = Service(self, name, server)
        self.services.append(service)
        return service

    def watch(self, *words: str, env: dict[str, str] | None = None, limit: str = "") -> Daemon:
        if "PYTHONPATH" not in (env or {}):
            env = {**(env or {}), **calm(self.folder)}
        return Daemon(self, words, env or {}, limit)

    def end_loops(self) -> None:
        """A loop that still runs would start again what a test ends."""
        for daemon in self.daemons:
            with contextlib.suppress(ProcessLookupError):
                daemon.send_signal(signal.SIGCONT)
            daemon.kill()
            daemon.wait(30)

    def close(self) -> None:
        self.end_loops()
        for service in self.services:
            start = service.playbook["start"]
            # Its shim would start it again, or it is a program that does not note its own starts.
            if "listen" in start or start.get("command") != service.argv:
                self.end(service.name)
        end = time.monotonic() + 10
        while any(service.living() for service in self.services) and time.monotonic() < end:
            for service in self.services:
                for pid in service.living():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            for process in self.started:
                process.poll()
            time.sleep(0.05)
        for process in self.started:
            process.kill()
            process.wait(10)

    def end(self, name: str) -> None:
        """By wd itself; a loop that was killed a moment ago may still hold the service."""
        wait_for(
            lambda: "wait until it is done" not in self.wd("stop", name, "--yes").err, f"{name} is ended at the end", 30
        )


class Daemon:
    """`wd watch` as a child, with what it says."""

    def __init__(self, home: Home, words: tuple[str, ...], env: dict[str, str], limit: str) -> None:
        self.log = home.folder / f"watch-{len(home.daemons)}.txt"
        argv = [*WD, "--home", str(home.folder), "watch", *words]
        if limit:
            argv = ["/bin/sh", "-c", f'{limit}; exec "$0" "$@"', *argv]
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                text=True,
                start_new_session=True,
                env={**home.environment(), **env},
            )
        home.daemons.append(self.process)
        self.hears("watching")

    @property
    def said(self) -> str:
        return self.log.read_text()

    def hears(self, text: str, limit: float = 60.0) -> None:
        """Wait until it says so."""
        end = time.monotonic() + limit
        while text not in self.said:
            assert time.monotonic() < end, f"it never said {text!r}:\n{self.said}"
            assert self.process.poll() is None or text in self.said, f"it ended:\n{self.said}"
            time.sleep(0.05)

    @property
    def loop(self) -> int:
        """The pid of the loop itself, a child of the process that was started."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextlib.contextmanager
def home_in(folder: Path) -> Iterator[Home]:
    home = Home(folder)
    try:
        yield home
    finally:
        home.close()
        for log in sorted(folder.glob("watch-*.txt")):
            print(f"--- {log.name}\n{log.read_text()}")  # shown where a test fails


def reported_hang(home: Home, channels: Channels, word: str, **playbook: object) -> None:
    """A service hangs, the loop explains and cures it, and a message with this word reports the end."""
    why_first = "```wd on-fail=continue\nwhy\n```\n```wd timeout=60s\n"
    home.runbook("bring-back", RUNBOOK.replace("```wd timeout=60s on-fail=escalate\n", why_first, 1))
    service = home.service(server="fickle.py")
    service.playbook |= {"notify": [f"json://127.0.0.1:{channels.port}/hook"], **playbook}
    service.write()
    before = service.start()
    home.watch()
    service.tell("burn")
    wait_for(lambda: before not in service.living(), "the hung server is ended", 90)
    service.tell("burn", None)
    wait_for(lambda: any(word in one["message"] for one in channels.bodies()), "the end is reported", 90)
