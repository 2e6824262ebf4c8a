"""A held listening socket: while the server is replaced, connections wait, and none is refused."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import alive, connects, wait_for
from watching import Home, Service

from watchdog.system.disk import files
from watchdog.system.net import ports
from watchdog.system.shim import posts


def shop(home: Home, **policy: object) -> Service:
    made = home.service("shop", "held.py")
    made.playbook["start"]["listen"] = f"127.0.0.1:{made.port}"
    made.playbook["policy"] |= policy
    made.write()
    assert home.wd("start", "shop").code == 0
    return made


class Callers:
    """Ask the server on a connection each time, from several threads, and count what became of it."""

    def __init__(self, port: int) -> None:
        self.port, self.counts, self.slowest, self._over = port, Counter[str](), 0.0, threading.Event()
        self._threads = [threading.Thread(target=self._go, daemon=True) for _ in range(4)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        wait_for(lambda: self.counts["answered"] >= 20, "the callers are served")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(90)

    def _go(self) -> None:
        while not self._over.is_set():
            begun = time.monotonic()
            self.counts[self._ask()] += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)
            time.sleep(0.02)

    def _ask(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/")
            return "answered" if connection.getresponse().status == 200 else "wrong"
        except ConnectionRefusedError:
            return "refused"
        except (OSError, http.client.HTTPException):
            return "cut"
        finally:
            connection.close()


def test_the_server_gets_the_socket_and_a_restart_refuses_nobody(home: Home) -> None:
    service = shop(home)
    old = service.pid()
    with Callers(service.port) as callers:
        done = home.wd("restart", "shop", "--yes")
        assert done.code == 0, done.out + done.err
        before = callers.counts["answered"]
        wait_for(lambda: callers.counts["answered"] > before + 20, "they are served by the new one")
    assert service.pid() not in (0, old)
    assert callers.counts["refused"] == 0, callers.counts
    assert callers.counts["cut"] == 0, "who is served by the old one is served to the end"
    assert not alive(old)
    assert len(service.living()) == 1
    with home.journal() as journal:
        assert old in [pid for pid, _, _ in journal.ended(0.0)], "its end is not a crash"


def test_a_new_version_that_does_not_come_up_leaves_the_old_one_in_its_place(home: Home) -> None:
    service = shop(home)
    old = service.pid()
    service.tell("fails", "")
    with Callers(service.port) as callers:
        done = home.wd("restart", "shop", "--yes")
    assert done.code == 2, done.out + done.err
    assert f"pid {old} goes on" in done.out
    assert service.living() == [old]
    assert callers.counts["refused"] == callers.counts["cut"] == 0, callers.counts
    service.tell("fails", None)
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: service.pid() not in (0, old), "the old shim is on duty again")


def test_wd_that_is_killed_between_the_new_server_and_the_end_of_the_old_one_leaves_one_server(home: Home) -> None:
    service = shop(home)
    old = service.pid()
    service.tell("load", 60)
    child = home.begin("restart", "shop", "--yes")
    wait_for(lambda: len(service.living()) == 2, "the new one is under way")
    child.kill()
    child.wait(30)
    wait_for(lambda: service.living() == [old], "the new one has ended", 60)
    service.tell("load", None)
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: service.pid() not in (0, old), "the old shim is on duty again")


def test_after_a_death_the_shim_starts_it_again_and_nobody_is_refused_also_without_a_loop(home: Home) -> None:
    service = shop(home)
    with Callers(service.port) as callers:
        for _ in range(3):
            old = service.pid()
            os.kill(old, signal.SIGKILL)
            wait_for(lambda: service.pid() not in (0, old), "it is back")  # noqa: B023
    assert callers.counts["refused"] == 0, callers.counts
    assert len(service.living()) == 1


def test_a_server_that_was_killed_by_hand_stays_down_and_its_port_is_free(home: Home) -> None:
    service = shop(home)
    pid = service.pid()
    done = home.wd("kill", "--port", str(service.port), "--yes")
    assert done.code == 0, done.out + done.err
    assert not alive(pid)
    wait_for(lambda: not connects(service.port), "callers are refused")
    assert service.starts() == [pid]


def test_a_stopped_service_stays_down(home: Home) -> None:
    service = shop(home)
    pid = service.pid()
    assert home.wd("stop", "shop", "--yes").code == 0
    assert not connects(service.port)
    assert service.starts() == [pid]
    with socket.create_server(("127.0.0.1", service.port)):
        pass


def test_a_server_that_dies_at_once_again_and_again_is_given_up_and_callers_are_refused(home: Home) -> None:
    service = shop(home, give_up={"restarts": 3, "within": "10m"}, backoff={"first": "50ms", "max": "200ms"})
    service.tell("fails", "")
    os.kill(service.pid(), signal.SIGKILL)
    wait_for(lambda: not connects(service.port), "the address is given up")
    assert len(service.starts()) == 4, "the first one and three more"


def test_the_loop_cures_a_hung_server_behind_the_socket_and_no_caller_is_refused(home: Home) -> None:
    service = shop(home)
    daemon = home.watch()
    old = service.pid()
    with Callers(service.port) as callers:
        os.kill(old, signal.SIGSTOP)
        daemon.hears("bring-back: recovered")
        before = callers.counts["answered"]
        wait_for(lambda: callers.counts["answered"] > before + 20, "they are served by the new one")
    assert service.pid() not in (0, old)
    assert callers.counts["refused"] == 0, callers.counts
    assert len(service.living()) == 1


def test_the_loop_leaves_a_death_to_the_shim_and_both_together_start_it_once(home: Home) -> None:
    service = shop(home)
    daemon = home.watch()
    wait_for(lambda: "ok" in home.wd("status", "shop").out, "the loop has seen it well")
    with Callers(service.port) as callers:
        old = service.pid()
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: service.pid() not in (0, old), "it is back")
        daemon.hears(f"pid {old} ended")
    assert callers.counts["refused"] == 0, callers.counts
    assert len(service.starts()) == 2
    assert "bring-back" not in daemon.said


def test_a_crash_loop_behind_the_socket_serves_everybody_and_a_person_gets_its_figures(home: Home) -> None:
    service = shop(home, give_up={"restarts": 100, "within": "10m"})
    daemon = home.watch()
    wait_for(lambda: "ok" in home.wd("status", "shop").out, "the loop has seen it well")
    service.tell("mortal", 1.5)
    os.kill(service.pid(), signal.SIGKILL)
    with Callers(service.port) as callers:
        daemon.hears("crash-loop: ", 120)
        service.tell("mortal", None)
    assert callers.counts["refused"] == 0, callers.counts
    assert daemon.said.count("crash loop: it died") == 1, "told once"
    assert "bring-back" not in daemon.said, "its shim starts it"
    (incident,) = [one for one in home.incidents() if one["runbook"] == "crash-loop"]
    report = Path(incident["report"]).read_text()
    assert "ends again and again behind its held socket" in report
    assert "after each start" in report and "a life lasts" in report and "% of the time it answered" in report
    assert incident["cause"] == "crash-loop"
    assert service.answers()


def test_wd_that_is_killed_in_the_middle_of_a_runbook_leaves_one_server(home: Home) -> None:
    service = shop(home)
    old = service.pid()
    child = home.begin("run", "bring-back", "--service", "shop", "--yes")
    wait_for(lambda: not alive(old), "the old server has ended")
    child.kill()
    child.wait(30)
    wait_for(lambda: service.pid() not in (0, old), "a server answers", 90)
    wait_for(lambda: len(service.living()) == 1, "one server is left")


@contextlib.contextmanager
def taken(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


def test_an_address_that_another_program_holds_is_named_and_nothing_is_started(home: Home) -> None:
    service = home.service("shop", "held.py")
    service.playbook["start"]["listen"] = f"127.0.0.1:{service.port}"
    service.write()
    with taken(service.port):
        done = home.wd("start", "shop")
    assert done.code != 0
    assert "shop was not started" in done.out + done.err
    assert service.starts() == []


def test_what_a_killed_shim_leaves_hides_no_server_that_gets_its_pid(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "runtime_folder", lambda: folder)
    with socket.create_server(("127.0.0.1", 0)) as server:
        (folder / f"held-{os.getpid()}-7").touch()  # of a shim that had this pid before
        port = server.getsockname()[1]
        assert [one.holders for one in ports.listeners(port)] == [(os.getpid(),)]
        posts.path(folder, os.getpid()).touch()
        assert ports.listeners(port) == () and ports.is_free(port)
        posts.sweep(folder)
        assert [one.name for one in folder.iterdir()] == [posts.path(folder, os.getpid()).name]
