"""Servers that die again and again, each in its own rhythm: the loop stops by itself, calls a person, and remembers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support import alive, wait_for
from watching import Daemon, home_in

from watchdog.system.host import messages

RESTARTS = 3
pytestmark = pytest.mark.timeout(600)  # many waits, each of them long enough for a busy machine


@contextlib.contextmanager
def receiver() -> Iterator[tuple[str, list[str]]]:
    """Somebody who is called: the address, and what was said so far."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"json://127.0.0.1:{server.server_port}/", calls
        server.shutdown()


def says(daemon: Daemon, name: str, text: str) -> bool:
    return any(name in line and text in line for line in daemon.said.splitlines())


def test_three_flappers_are_given_up_within_their_budgets_and_the_calm_ones_stay(folder: Path) -> None:
    with home_in(folder) as home:
        flappers, calm = [home.service(f"flapper{n}") for n in range(3)], [home.service(f"calm{n}") for n in range(4)]
        for flapper, lifetime in zip(flappers, (0.4, 1.5, 4.0), strict=True):
            flapper.playbook["policy"] |= {
                "backoff": {"first": "100ms", "max": "300ms"},
                "give_up": {"restarts": RESTARTS, "within": "30m"},
            }
            flapper.write()
            flapper.tell("die", lifetime)
        pids = [service.start() for service in calm]
        daemon = home.watch()
        for flapper in flappers:
            wait_for(lambda name=flapper.name: says(daemon, name, "give-up: done"), f"{flapper.name} is given up", 100)
        starts = [len(flapper.starts()) for flapper in flappers]
        assert all(1 <= count <= RESTARTS + 1 for count in starts), starts
        daemon.stop()

        again = home.watch()
        for flapper in flappers:
            wait_for(lambda name=flapper.name: says(again, name, "gave up"), f"{flapper.name} stays given up", 60)
        assert [len(flapper.starts()) for flapper in flappers] == starts, "remembered over a restart of wd"
        assert all(alive(pid) for pid in pids)
        told = [row["service"] for row in home.incidents() if row["runbook"] == "give-up"]
        assert sorted(told) == [flapper.name for flapper in flappers], "each is told once"


def test_a_server_that_hangs_again_after_each_start_is_given_up_with_one_report_and_one_call(folder: Path) -> None:
    with home_in(folder) as home, receiver() as (address, calls):
        shop = home.service(server="fickle.py")
        shop.playbook["policy"] |= {
            "backoff": {"first": "100ms", "max": "300ms"},
            "give_up": {"restarts": RESTARTS, "within": "30m"},
        }
        shop.playbook["notify"] = [address]
        shop.write()
        shop.tell("hang-after", 5.0)
        shop.start()
        daemon = home.watch()
        daemon.hears("give-up: done", 300)
        starts = shop.starts()
        assert len(starts) == RESTARTS + 1
        daemon.stop()

        again = home.watch()
        again.hears("gave up", 60)
        assert shop.starts() == starts, "remembered over a restart of wd"
        assert len(shop.living()) == 1, "it is left as it is"
        (given_up,) = [row for row in home.incidents() if row["runbook"] == "give-up"]
        assert Path(given_up["report"]).is_file()
        if messages.can_send():
            assert sum("wd gave up" in call for call in calls) == 1, "a person is called once"
