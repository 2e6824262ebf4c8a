"""What probes are told by a server, and what only by our own trouble: who hangs is found, and nobody else is ended."""

from __future__ import annotations

import os
import resource
import signal
import socket
import threading
import time

import pytest
from support import alive, free_port, wait_for
from watching import Daemon, Home, Service

from watchdog.journal.store import Journal
from watchdog.model.probing import Sample

pytestmark = pytest.mark.timeout(600)  # many waits, each of them long enough for a busy machine


def samples(service: Service, probe: str = "health") -> tuple[Sample, ...]:
    with Journal.open(service.home.folder / "logs") as journal:
        return journal.samples(service.name, probe, 0.0)


def questions(service: Service) -> int:
    """How many it has got since it was first started, as the server counts them."""
    return len((service.folder / "asked").read_text().split())


def is_well(service: Service, pid: int) -> None:
    """It was asked, it answered well, and it is the process that it was."""
    wait_for(lambda: samples(service), "its answers are written down", 60)
    assert {one.verdict for one in samples(service)} == {"ok"}
    assert alive(pid) and service.starts() == [pid]


def is_brought_back(service: Service, before: int) -> None:
    wait_for(lambda: service.pid() not in (0, before), f"a new {service.name} answers", 100)
    assert not alive(before) and len(service.living()) == 1


# Our own trouble


def test_a_loop_out_of_descriptors_says_so_ends_nobody_and_goes_on_when_it_has_some(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemon = home.watch()
    soft, hard = resource.prlimit(daemon.loop, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.loop, resource.RLIMIT_NOFILE, (3, hard))
    daemon.hears("Too many open files")
    time.sleep(2)  # more rounds than would be needed for a verdict
    resource.prlimit(daemon.loop, resource.RLIMIT_NOFILE, (soft, hard))
    assert "trouble" not in daemon.said and shop.starts() == [before]
    os.kill(before, signal.SIGSTOP)
    is_brought_back(shop, before)


def test_a_name_that_cannot_be_looked_up_is_no_fault_of_the_server(home: Home) -> None:
    shop = home.service()
    shop.playbook["probes"]["health"]["http"] = f"http://shop.invalid:{shop.port}/health"
    shop.write()
    before = shop.start()
    daemon = home.watch(env={"RES_OPTIONS": "timeout:1 attempts:1"})
    daemon.hears("health: cannot tell: ")
    wait_for(lambda: len(samples(shop)) > 4, "it was asked more often than a verdict needs", 60)
    assert {one.verdict for one in samples(shop)} == {"unknown"}
    assert "trouble" not in daemon.said and shop.starts() == [before]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_that_is_dead_is_not_asked(home: Home, name: str) -> None:
    shop = home.service()
    before = shop.start()
    home.watch(env={name: f"http://127.0.0.1:{free_port()}", "no_proxy": ""})
    is_well(shop, before)


# Servers that hang, however it looks from outside


@pytest.mark.parametrize("how", ["stopped", "deaf", "headers", "drip"])
def test_a_server_that_connects_and_gives_no_whole_answer_is_brought_back(home: Home, how: str) -> None:
    shop = home.service(server="fickle.py")
    shop.playbook["probes"]["port"] = {"tcp": shop.port, "every": "300ms", "timeout": "1s", "fails": 2}
    shop.write()
    before = shop.start()
    home.watch()
    if how == "stopped":
        os.kill(before, signal.SIGSTOP)
    else:
        shop.tell(f"how-{before}", how)
    is_brought_back(shop, before)
    wait_for(lambda: any(one.verdict == "failed" for one in samples(shop)), "the failure is written down", 60)
    weak = [one for one in samples(shop, "port") if one.verdict == "ok"]
    assert weak and all("a hung server does too" in one.message for one in weak), "connecting is marked as weak"


# Servers that are well, but slow at times


def is_left_alone(shop: Service, daemon: Daemon, pid: int) -> None:
    wait_for(lambda: shop.answers(), "it answers again", 60)
    told = daemon.said
    assert " failing: " in told and "trouble" not in told, "a late answer was seen, and no verdict was made of it"
    assert alive(pid) and shop.starts() == [pid]


def test_a_server_of_which_each_fifth_answer_is_late_is_left_alone(home: Home) -> None:
    shop = home.service(server="fickle.py")
    shop.playbook["probes"]["health"] |= {"every": "100ms", "fails": 3}
    shop.write()
    before = shop.start()
    shop.tell("fifth", 1.3)
    daemon = home.watch()
    wait_for(lambda: daemon.said.count(" failing: ") >= 4, "four answers were late", 60)
    is_left_alone(shop, daemon, before)


def test_a_slow_server_that_answers_one_after_the_other_is_not_made_late_by_our_own_looking(home: Home) -> None:
    """A second question of ours beside that of the probe would wait for it, and the next one of the probe for both."""
    shop = home.service(server="fickle.py")
    shop.playbook["probes"]["health"] |= {"every": "500ms", "timeout": "4s", "fails": 2}
    shop.write()
    before = shop.start()
    shop.tell("one-by-one")
    shop.tell("slow", 2.4)
    asked = questions(shop)
    daemon = home.watch()
    wait_for(lambda: sum(one.verdict == "ok" for one in samples(shop)) >= 5, "five answers", 100)
    daemon.stop()
    # One may be open, and one may have ended just before the loop did. A second question each time would double them.
    assert questions(shop) - asked <= 1.5 * len(samples(shop)) + 1, "only the probe asks"
    assert alive(before) and shop.starts() == [before]


def test_a_pause_as_for_a_garbage_collection_ends_no_server(home: Home) -> None:
    shop = home.service(server="fickle.py")
    shop.playbook["probes"]["health"] |= {"fails": 4}
    shop.write()
    before = shop.start()
    daemon = home.watch()
    is_well(shop, before)
    for pauses in (1, 2):
        shop.tell("pause", 1.5)
        wait_for(lambda pauses=pauses: daemon.said.count(" failing: ") >= pauses, "the pause was noticed", 60)
        wait_for(lambda: shop.answers(), "the pause is over", 60)
    is_left_alone(shop, daemon, before)


def test_a_peak_of_load_ends_no_server(home: Home) -> None:
    shop = home.service(server="fickle.py")
    shop.playbook["probes"]["health"] |= {"fails": 5}
    shop.write()
    before = shop.start()
    daemon = home.watch()
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            shop.answers(30.0)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    shop.tell("burn", 0.4)
    for client in clients:
        client.start()
    try:
        daemon.hears(" failing: ")
    finally:
        shop.tell("burn", None)
        enough.set()
        for client in clients:
            client.join()
    is_left_alone(shop, daemon, before)


# Trouble of the machine, and of what services share


def test_an_answer_that_was_awaited_while_the_loop_was_stopped_does_not_count(home: Home) -> None:
    """One failure would be enough, and the time for an answer passes while the loop is stopped."""
    shop = home.service(server="fickle.py")
    shop.playbook["probes"]["health"] |= {"timeout": "2s", "fails": 1}
    shop.write()
    shop.tell("slow", 0.4)
    before = shop.start()
    begun, asked = time.monotonic(), questions(shop)
    daemon = home.watch()
    for _ in range(30):
        os.kill(daemon.loop, signal.SIGSTOP)
        time.sleep(2.5)  # longer than the question's time
        os.kill(daemon.loop, signal.SIGCONT)
        time.sleep(0.5)
        if "wd itself did not run" in daemon.said:
            break
    daemon.hears("the answer does not count")
    wait_for(lambda: samples(shop), "answers are written down", 60)
    daemon.stop()
    seconds = time.monotonic() - begun
    assert "trouble" not in daemon.said and alive(before) and shop.starts() == [before]
    assert questions(shop) - asked <= seconds / 0.3 + 5, "nothing is made up for"


class Dependency:
    """Something that many services need: gives a byte to whoever connects, until it is ended."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while True:
                with self._listener.accept()[0] as sock:
                    sock.sendall(b".")
        except OSError:
            return

    def end(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def test_ten_services_on_one_dead_dependency_are_told_as_one_cause_and_left_alone(home: Home) -> None:
    """The last one comes back later than the others, and is left alone too."""
    database = Dependency()
    services = [home.service(f"s{number}", "fickle.py") for number in range(10)]
    for service in services:
        service.playbook["probes"]["health"]["every"] = "1s"
        service.write()
        service.tell("needs", str(database.port))
        service.start()
    daemon = home.watch()
    wait_for(lambda: all(samples(service) for service in services), "all were asked", 100)
    database.end()
    for service in services:
        wait_for(lambda name=service.name: name in told_of(daemon, "one cause"), f"it is told of {service.name}", 100)  # type: ignore[misc]
    for service in services[:-1]:
        service.tell("needs", None)
    last = services[-1]
    wait_for(lambda: last.name in told_of(daemon, "to come back"), "the last one gets its time", 100)
    last.tell("needs", None)
    wait_for(lambda: last.name in told_of(daemon, ": recovered: "), "the last one is well", 100)
    restarts = sum(len(service.starts()) - 1 for service in services)
    assert restarts <= 1, "at most the first one, before it was clear that the others fail too"
    assert all(len(service.living()) == 1 for service in services)


def told_of(daemon: Daemon, words: str) -> set[str]:
    """The services of which it said this."""
    return {line.split()[3] for line in daemon.said.splitlines() if words in line}
