"""A translation server through its bad nights: the wrong script, a model that loads for long, memory that is full."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support import SERVERS, alive, wait_for
from watching import Daemon, Home, Service

RIGHT, DRAFT = "translation_server.py", "translation_draft.py"
DIED = re.compile(r"it died \d times in a row, about ([0-9.]+)s after each start \([0-9, ]+\)")
# Another program's launcher, which knows nothing of wd: starts the script again whenever it ends, until its input ends.
LAUNCHER = """
import subprocess, sys
while True:
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    child.wait()
    open(sys.argv[4] + "/again", "a").write(f"{child.pid}\\n")
"""


def translation(home: Home, script: str, find: str = "", **policy: Any) -> Service:
    """The service, which starts `script` and looks for `find`."""
    service = home.service("translation")
    service.argv[1] = str(SERVERS / script)
    service.playbook["triggers"] = [{"on": name, "run": "frozen-server"} for name in ("health", "death")]
    service.playbook["policy"] = {"mode": "act", "backoff": {"first": "200ms", "max": "1s"}, **policy}
    if find:
        service.playbook["find"]["cmdline"] = find
    service.write()
    return service


@contextlib.contextmanager
def launched(service: Service, script: str) -> Iterator[None]:
    """The script under a launcher of its own, which has started it three times already."""
    argv = [sys.executable, "-c", LAUNCHER, sys.executable, str(SERVERS / script), str(service.port)]
    launcher = subprocess.Popen([*argv, str(service.folder)], stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(lambda: len(deaths(service)) >= 2, "it has died twice", 60)
        yield
        assert launcher.poll() is None, "the launcher belongs to somebody else"
    finally:
        launcher.kill()
        launcher.wait(30)


def deaths(service: Service) -> list[int]:
    """Of copies that the launcher started, as it has written them down."""
    with contextlib.suppress(OSError):
        return [int(line) for line in (service.folder / "again").read_text().split()]
    return []


def one_report(home: Home) -> tuple[dict[str, Any], str]:
    """The only call for a person: its incident and its report."""
    calls = [one for one in home.incidents() if one["runbook"] == "give-up"]
    assert len(calls) == 1, "a person is called once"
    return calls[0], Path(calls[0]["report"]).read_text()


def says_the_period(text: str) -> None:
    found = DIED.search(text)
    assert found, text
    assert 2.6 <= float(found[1]) <= 4.0, "2.7 s, and what Python takes to start"


def nothing_begins_anew(home: Home, service: Service, before: Daemon) -> None:
    """Another daemon knows what the one before had come to."""
    assert before.stop() == 0
    incidents, starts = len(home.incidents()), len(service.starts())
    again = home.watch()
    again.hears("-> leave: gave up", 60)
    again.stop()
    assert len(home.incidents()) == incidents
    assert deaths(service) or len(service.starts()) == starts


def test_a_script_that_dies_every_2_7_seconds_is_restarted_twice_and_one_report_tells_its_period(home: Home) -> None:
    service = translation(home, DRAFT)
    daemon = home.watch()
    daemon.hears("give-up: done", 120)
    assert len(service.starts()) == 2
    incident, report = one_report(home)
    says_the_period(incident["given_up"])
    assert report.startswith("# translation: given up\n")
    assert "a person is needed" in report
    assert "RuntimeError: the model store is not configured" in report
    assert "wd resume translation" in report
    status = home.wd("status", "translation")
    assert status.code == 2
    says_the_period(status.out)
    assert "`wd resume translation`" in status.out
    assert "ended with code 1 after 2." in status.out
    assert "RuntimeError: the model store is not configured" in status.out
    assert "given up" in home.wd("incidents", "list").out
    nothing_begins_anew(home, service, daemon)


def test_a_playbook_that_starts_the_wrong_script_is_told_so(home: Home) -> None:
    service = translation(home, DRAFT, find=RIGHT)
    home.watch().hears("give-up: done", 120)
    assert len(service.starts()) <= 3
    incident, report = one_report(home)
    says_the_period(incident["given_up"])
    assert "start.command runs translation_draft.py, and not translation_server.py" in report


def test_passes_by_cron_stop_restarting_it_with_the_same_report(home: Home) -> None:
    service = translation(home, DRAFT)

    def given_up() -> bool:
        home.wd("tick")
        return any(one["runbook"] == "give-up" for one in home.incidents())

    wait_for(given_up, "the passes give it up", 120)
    starts = len(service.starts())
    assert starts == 2
    assert home.wd("tick").code in (1, 2)
    assert home.wd("tick").code == 2
    incident, report = one_report(home)
    says_the_period(incident["given_up"])
    assert "RuntimeError: the model store is not configured" in report
    assert len(service.starts()) == starts


def test_the_wrong_script_under_a_launcher_is_named_and_neither_ended_nor_joined(home: Home) -> None:
    service = translation(home, RIGHT, find=RIGHT)
    with launched(service, DRAFT):
        daemon = home.watch()
        daemon.hears("give-up: done", 120)
        incident, report = one_report(home)
        told = rf"another program runs there than {RIGHT}: pid \d+ \(under pid \d+\), \S+ \S+/{DRAFT} "
        assert re.search(told, incident["given_up"]), incident["given_up"]
        assert "wrong-program" in report
        assert [one["runbook"] for one in home.incidents()] == ["give-up"], "nothing was tried before"
        count = len(deaths(service))
        wait_for(lambda: len(deaths(service)) > count, "the launcher goes on", 60)
        nothing_begins_anew(home, service, daemon)
        daemon = home.watch()
        daemon.hears("-> leave: gave up")
        assert "recovered" not in daemon.said, "an answer of the wrong program is none"
        daemon.stop()


def test_a_loop_that_comes_while_a_launcher_restarts_it_all_the_time_tells_the_period(home: Home) -> None:
    service = translation(home, DRAFT)
    service.playbook["probes"]["health"]["fails"] = 6  # on a busy machine the launcher's next start takes its time
    service.write()
    with launched(service, DRAFT):
        daemon = home.watch()
        daemon.hears("give-up: done", 120)
        incident, _ = one_report(home)
        says_the_period(incident["given_up"])
        assert all(not one["old_pids"] for one in home.incidents()), "no copy that somebody else started was ended"
        assert "crash-loop" in {one["cause"] for one in home.incidents()}
        nothing_begins_anew(home, service, daemon)


@pytest.mark.parametrize("port", ["open", "closed"])
def test_a_model_that_loads_for_eight_seconds_is_left_in_peace(home: Home, port: str) -> None:
    service = translation(home, RIGHT, find=RIGHT)
    service.tell("load", 8.0)
    service.tell("open", 1.0 if port == "open" else None)
    service.playbook["start"]["ready"] = {"within": "60s"}
    service.write()
    daemon = home.watch()
    daemon.hears("frozen-server: recovered", 120)
    assert len(service.starts()) == 1
    daemon.stop()
    (incident,) = home.incidents()
    assert (incident["outcome"], incident["old_pids"]) == ("recovered", [])


def test_a_model_that_a_person_loads_is_not_ended_by_the_loop_or_by_passes(home: Home) -> None:
    service = translation(home, RIGHT, find=RIGHT)
    service.tell("load", 8.0)
    service.playbook["start"]["ready"] = {"within": "60s"}
    service.write()
    by_hand = subprocess.Popen(service.argv, stdin=subprocess.DEVNULL, start_new_session=True)
    home.started.append(by_hand)
    home.watch()
    wait_for(lambda: service.pid() == by_hand.pid or bool(home.wd("tick") and by_hand.poll()), "it is up", 120)
    assert service.starts() == [by_hand.pid]
    assert all(not one["old_pids"] for one in home.incidents())


def ask(service: Service, path: str) -> tuple[str, float]:
    """A client: (its answer, when it began). "refused" is an honest no, unlike an answer that breaks off.

    So is a reset before the first byte of an answer: it came in between the last look for requests and the signal.
    """
    at = time.time()
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)
    try:
        connection.connect()
    except OSError:
        return "refused", at
    try:
        connection.request("GET", path)
        try:
            reply = connection.getresponse()
        except ConnectionResetError:
            return "refused", at
        reply.read()
        return str(reply.status), at
    except (OSError, http.client.HTTPException) as error:
        return f"broken: {error!r}", at
    finally:
        connection.close()


class Client(threading.Thread):
    """One request in a thread of its own."""

    def __init__(self, service: Service, path: str) -> None:
        super().__init__(daemon=True)
        self.service, self.path, self.answer = service, path, ""
        self.start()

    def run(self) -> None:
        self.answer, _ = ask(self.service, self.path)


def with_memory_limit(home: Home) -> Service:
    service = translation(home, RIGHT, find=RIGHT)
    service.playbook["probes"]["memory"] = {"memory": "200MB", "every": "300ms", "fails": 1}
    service.playbook["triggers"].append({"on": "memory", "run": "planned-restart"})
    service.write()
    return service


def test_memory_over_the_limit_waits_for_the_answers_and_refuses_no_longer_than_the_restart(home: Home) -> None:
    service = with_memory_limit(home)
    before = service.start()
    daemon = home.watch()
    first = Client(service, "/translate?keep=300&seconds=4")
    daemon.hears("requests are under way")
    assert alive(before)
    daemon.hears("runs planned-restart", 90)
    second = Client(service, "/translate?seconds=2")  # while the evidence is taken
    refused = []
    while "planned-restart: recovered" not in daemon.said:
        answer, at = ask(service, "/health")
        assert not answer.startswith("broken"), answer
        refused += [at] if answer == "refused" else []
        assert daemon.process.poll() is None
        time.sleep(0.05)
    first.join(60)
    second.join(60)
    assert first.answer == "200", "the request that was under way got its whole answer"
    assert second.answer in ("200", "refused"), "and so did one that came later"
    assert service.pid() not in (0, before)
    (incident,) = home.incidents()
    assert (incident["outcome"], incident["old_pids"]) == ("recovered", [before])
    assert "memory: uses" in incident["trigger"]
    steps = {one["step"]: one for one in json.loads(home.wd("incidents", "show", "last", "-o", "json").out)["steps"]}
    begun, up = (steps[name]["begun"] for name in ("kill", "verify"))
    assert all(stamp(begun) - 0.1 <= at <= stamp(up) + 0.1 for at in refused), "refused only while it was restarted"


def stamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_pass_by_cron_restarts_it_between_requests_too(home: Home) -> None:
    service = with_memory_limit(home)
    before = service.start()
    first = Client(service, "/translate?keep=300&seconds=4")

    def replaced() -> bool:
        home.wd("tick")
        return service.pid() not in (0, before)

    wait_for(replaced, "a pass restarts it", 120)
    first.join(60)
    assert first.answer == "200"
    assert [one["outcome"] for one in home.incidents()] == ["recovered"]


def test_ctrl_c_of_the_loop_leaves_the_translations_alone(home: Home) -> None:
    service = translation(home, RIGHT, find=RIGHT)
    before = service.start()
    daemon = home.watch()
    daemon.signal(signal.SIGINT)
    daemon.process.wait(60)
    assert service.pid() == before
