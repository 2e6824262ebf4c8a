"""What a server says of itself by sd_notify: its shim hears readiness, heartbeat and a planned end."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import sys

import pytest
from support import alive, wait_for
from watching import Home, Service

from watchdog.system.process import processes
from watchdog.system.shim import heard


@contextlib.contextmanager
def told(service: Service, *names: str):  # type: ignore[no-untyped-def]
    for name in names:
        service.tell(name, "")
    yield
    for name in names:
        service.tell(name, None)


def shop(home: Home, **start: object) -> Service:
    made = home.service("shop", "tells.py")
    made.playbook["start"] |= start
    made.write()
    return made


def shim_of(pid: int) -> int:
    process = processes.read(pid)
    assert process is not None
    return process.parent


def said(pid: int) -> heard.Heard:
    return heard.read(shim_of(pid)) or heard.Heard()


def test_a_start_that_waits_for_ready_is_done_when_the_server_says_so(home: Home) -> None:
    service = shop(home, ready={"within": "60s", "notify": True})
    with told(service, "late"):
        child = home.begin("start", "shop")
        wait_for(service.answers, "it answers already")
        pid = service.pid()
        assert said(pid).ready is None
        assert child.poll() is None, "the start is not done"
    assert child.wait(60) == 0
    assert service.pid() == pid and said(pid).ready is not None


def test_a_server_that_answers_and_never_says_ready_has_not_started(home: Home) -> None:
    service = shop(home, ready={"within": "2s", "notify": True})
    with told(service, "stranger"):
        done = home.wd("start", "shop")
    assert done.code == 2
    assert "it has not sent READY=1 (start.ready.notify)" in done.out + done.err


def test_a_child_of_the_server_may_say_ready_and_a_stranger_may_not(home: Home) -> None:
    service = shop(home, ready={"within": "60s", "notify": True})
    with told(service, "late", "helper"):
        child = home.begin("start", "shop")
        wait_for(service.answers, "it answers already")
        pid = service.pid()
        address = (service.folder / "address").read_text()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:  # of this test, not of the server
            sock.connect("\0" + address[1:])
            sock.sendall(b"READY=1\nSTOPPING=1")
        service.tell("late", None)
        assert child.wait(60) == 0
        assert said(pid).ready is not None
        assert said(pid).stopping is None, "the stranger came first, and was not believed"


def test_the_loop_restarts_a_server_whose_heartbeat_stops_though_it_answers(home: Home) -> None:
    service = shop(home)
    service.playbook["probes"]["beat"] = {"heartbeat": "2s", "every": "300ms", "fails": 2}
    service.playbook["triggers"].append({"on": "beat", "run": "bring-back"})
    service.write()
    assert home.wd("start", "shop").code == 0
    old = service.pid()
    wait_for(lambda: said(old).beat is not None, "it sends its heartbeat")
    daemon = home.watch()
    wait_for(lambda: "ok" in home.wd("status", "shop").out, "the loop has seen it well")
    assert "beat: failing" not in daemon.said
    with told(service, "mute"):
        daemon.hears("beat: trouble: its last WATCHDOG=1 came")
    daemon.hears("bring-back: recovered")
    wait_for(lambda: service.pid() not in (0, old), "another one serves")


def test_an_announced_end_is_no_failure_for_the_loop(home: Home) -> None:
    service = shop(home)
    service.playbook["triggers"] = [{"on": "death", "run": "bring-back"}]
    service.write()
    assert home.wd("start", "shop").code == 0
    pid = service.pid()
    wait_for(lambda: said(pid).ready is not None, "it has said that it is ready")
    daemon = home.watch()
    wait_for(lambda: "ok" in home.wd("status", "shop").out, "the loop has seen it well")
    with told(service, "leave"):
        daemon.hears("it is stopping, as it said by STOPPING=1")
    daemon.hears(f"pid {pid} ended after")
    assert "as it had announced" in daemon.said
    daemon.hears("health: trouble")  # now it is missed
    assert "health: failing: status 503" not in daemon.said
    assert "bring-back" not in daemon.said, "its end was no death"
    assert "ended as it had announced" in home.wd("status", "shop").out


def test_a_crash_after_the_announcement_is_a_death_all_the_same(home: Home) -> None:
    service = shop(home)
    service.playbook["triggers"] = [{"on": "death", "run": "bring-back"}]
    service.write()
    assert home.wd("start", "shop").code == 0
    pid = service.pid()
    daemon = home.watch()
    wait_for(lambda: "ok" in home.wd("status", "shop").out, "the loop has seen it well")
    with told(service, "leave"):
        wait_for(lambda: said(pid).stopping is not None, "it stops")
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), "it is gone")
    daemon.hears("bring-back: recovered")


def test_behind_a_held_socket_announced_ends_use_up_no_restart(home: Home) -> None:
    service = shop(home)
    service.playbook["start"]["listen"] = f"127.0.0.1:{service.port}"
    service.playbook["policy"] |= {"give_up": {"restarts": 1, "within": "10m"}, "backoff": {"first": "50ms"}}
    service.write()
    assert home.wd("start", "shop").code == 0
    for _ in range(3):
        old = service.pid()
        with told(service, "leave"):
            wait_for(lambda: said(old).stopping is not None, "it has announced its end")  # noqa: B023
        wait_for(lambda: service.pid() not in (0, old), "the next one serves")  # noqa: B023
    os.kill(service.pid(), signal.SIGKILL)
    wait_for(lambda: len(service.starts()) == 5, "the one restart after a failure was still allowed")


@pytest.mark.skipif(importlib.util.find_spec("gunicorn") is None, reason="gunicorn is not installed")
def test_gunicorn_says_that_it_is_ready(home: Home) -> None:
    service = home.service("shop", "held.py")
    (service.folder / "wsgi.py").write_text(
        "import os\ndef app(environ, start_response):\n"
        "    start_response('200 OK', [])\n    return [f'pid {os.getpid()}'.encode()]\n"
    )
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{service.port}"]
    service.playbook["start"] |= {"command": command, "ready": {"within": "30s", "notify": True}}
    service.write()
    assert home.wd("start", "shop").code == 0
    master = json.loads(home.wd("find", "shop", "-o", "json").out.splitlines()[0])["pid"]
    assert said(master).ready is not None


def test_a_server_that_dies_before_it_is_ready_is_started_again_also_when_wd_is_gone(home: Home) -> None:
    """The shim alone looks after it: nobody has said yet that the start is done."""
    service = shop(home, ready={"within": "60s", "notify": True})
    service.playbook["start"]["listen"] = f"127.0.0.1:{service.port}"
    service.write()
    with told(service, "late"):
        child = home.begin("start", "shop")
        wait_for(lambda: (service.folder / "address").exists(), "the server runs")
        child.kill()
        child.wait(30)
        assert child.stdout is not None
        child.stdout.close()
        (first,) = service.starts()
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: len(service.starts()) == 2, "its shim has started the next one")
    wait_for(lambda: service.pid() not in (0, first), "it serves")
    assert len(service.living()) == 1
