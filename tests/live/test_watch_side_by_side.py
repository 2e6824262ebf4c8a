"""Several services in trouble are cured at the same time, and a common cause holds them back only while it stands."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading

import pytest
from support import alive, wait_for
from watching import Home, Service

pytestmark = pytest.mark.timeout(400)


def hang(services: list[tuple[Service, int]]) -> None:
    """Each hangs until its process has been ended: the next process answers."""
    for service, _ in services:
        service.tell("hang")

    def all_ended() -> bool:
        for service, before in services:
            if not alive(before):
                service.tell("hang", None)
        return not any(alive(before) for _, before in services)

    wait_for(all_ended, "the hung servers are ended", 120)


def test_of_five_hung_services_all_are_cured_side_by_side_and_a_slow_start_holds_up_nobody(home: Home) -> None:
    services = [home.service(f"s{number:02}") for number in range(12)]
    before = {service.name: service.start() for service in services}
    daemon = home.watch()
    slow, *quick = hung = services[:5]
    slow.playbook["start"]["ready"] = {"within": "300s"}
    slow.tell("load", 250)
    hang([(service, before[service.name]) for service in hung])
    for service in quick:
        wait_for(lambda: service.pid() not in (0, before[service.name]), f"{service.name} is back", 90)  # noqa: B023
    assert not slow.answers(), "the slow one is still starting when the others are back"
    for service in services[5:]:
        assert service.starts() == [before[service.name]], "a healthy server is not touched"
    assert "at once" not in daemon.said
    for service in quick:
        daemon.hears(f"{service.name}          bring-back: recovered")


def test_when_all_fail_at_once_one_is_tried_first_and_the_others_follow_when_that_helps(home: Home) -> None:
    services = [home.service(name) for name in ("a", "b", "c")]
    before = [(service, service.start()) for service in services]
    daemon = home.watch()
    hang(before)
    for service, pid in before:
        wait_for(lambda: service.pid() not in (0, pid), f"{service.name} is back", 90)  # noqa: B023
    assert "all 3 services failed at once" in daemon.said
    wait_for(lambda: [row["outcome"] for row in home.incidents()] == ["recovered"] * 3, "three runs are over", 60)


class SilentPeer:
    """Accepts connections, reads, and replies only when it is told to."""

    def __init__(self) -> None:
        self.replies = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while client.recv(100):
                self.replies.wait()
                client.sendall(b"reply\n")

    def close(self) -> None:
        self.replies.set()
        for one in (self._socket, *self._open):
            one.close()


def test_services_that_wait_for_the_same_silent_peer_are_left_alone_until_it_replies(home: Home) -> None:
    peer = SilentPeer()
    try:
        waiting = [home.service(name, "asks_peer.py") for name in ("a", "b")]
        well = [home.service(name) for name in ("c", "d", "e")]
        for service in waiting:
            service.argv.append(str(peer.port))
            service.playbook["probes"]["health"] |= {"timeout": "300ms", "fails": 8}
            service.write()
        peer.replies.set()
        before = {service.name: service.start() for service in [*waiting, *well]}
        peer.replies.clear()
        daemon = home.watch()
        daemon.hears(f"a, b wait for 127.0.0.1:{peer.port}, which does not reply")
        peer.replies.set()
        daemon.hears("recovered")  # the other one may not have failed often enough yet
        wait_for(lambda: all(service.answers() for service in waiting), "both answer again", 60)
        for service in [*waiting, *well]:
            assert service.starts() == [before[service.name]]
    finally:
        peer.close()


def test_a_stopped_server_waits_for_nobody(home: Home) -> None:
    services = [home.service(name) for name in ("a", "b", "c")]
    before = [service.start() for service in services]
    daemon = home.watch()
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    for service, pid in zip(services, before, strict=True):
        wait_for(lambda: service.pid() not in (0, pid), f"{service.name} is back", 90)  # noqa: B023
    assert "at once" not in daemon.said
