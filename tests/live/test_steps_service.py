"""kill, start, stop, restart and verify on a real service: what a person gets, and what stays untouched."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from services import Service, service
from support import SERVERS, alive, connects, free_port, running, wait_for

from watchdog.journal.store import Journal
from watchdog.killing.ladder import Times, execute
from watchdog.killing.plan import make_plan
from watchdog.model.exits import Exit
from watchdog.model.finding import Culprit, Diagnosis, Finding
from watchdog.model.incident import Trigger
from watchdog.model.killing import Ownership
from watchdog.model.playbook import Playbook, ProbeSpec, Ready, Start
from watchdog.model.process import Manager
from watchdog.model.selector import Selector
from watchdog.policy import guards, target_lock
from watchdog.starting import launch
from watchdog.starting.readiness import question_of
from watchdog.steps.kill import kill
from watchdog.steps.start import restart, start, stop
from watchdog.steps.verify import verify
from watchdog.system.host import managers
from watchdog.system.process import processes
from watchdog.targets.resolve import resolve

NO_EVIDENCE = {"no_evidence": True}


@pytest.fixture
def shop(folder: Path) -> Iterator[Service]:
    """A running service."""
    with service(folder) as made:
        found = made.run(start, made.context(in_runbook=True))
        assert found.outcome == "ok", found.message
        yield made


def hang(shop: Service, path: str = "/stop") -> None:
    def ask() -> None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{shop.port}{path}", timeout=1).close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()


def test_a_hung_server_is_restarted_and_proven_in_one_command(shop: Service) -> None:
    (old,) = shop.copies()
    hang(shop)
    found = shop.run(restart, grace=1.0, no_evidence=True)
    assert found.outcome == "ok", found.message
    (new,) = shop.copies()
    assert new != old and found.data["pid"] == new and found.data["ready"] is True
    assert found.data["kill"]["killed"][0]["pid"] == old
    assert all(answer["ok"] for answer in found.data["verify"]["answers"])
    assert set(found.data) >= {"outcome", "pid", "ready", "seconds"}


def test_start_of_a_running_service_does_nothing_and_says_so(shop: Service) -> None:
    before = shop.copies()
    found = shop.run(start)
    assert (found.outcome, found.exit, found.data["outcome"]) == ("ok", Exit.FINE, "nothing")
    assert "runs already" in found.message and shop.copies() == before


def test_start_beside_a_hung_server_is_refused(shop: Service) -> None:
    shop.change(ready=Ready(within=0.1))
    hang(shop)
    found = shop.run(start)
    assert found.outcome == "refused" and "does not answer" in found.message
    assert len(shop.copies()) == 1


def test_a_stopped_service_stays_stopped_and_a_second_stop_is_fine(shop: Service) -> None:
    found = shop.run(stop, grace=1.0, no_evidence=True)
    assert found.outcome == "ok" and found.data["outcome"] == "done"
    assert not shop.copies()
    again = shop.run(stop)
    assert (again.outcome, again.exit, again.data["outcome"]) == ("ok", Exit.FINE, "nothing")


def test_a_dry_run_shows_the_plan_and_touches_nothing(shop: Service) -> None:
    (pid,) = shop.copies()
    found = shop.run(kill, shop.context(dry_run=True))
    assert (found.outcome, found.exit) == ("planned", Exit.FINE)
    assert found.data["plans"][0]["doomed"][0]["pid"] == pid
    assert str(pid) in found.text and "SIGTERM" in found.text
    assert shop.copies() == [pid]


def test_nothing_to_end_is_said_to_a_person_and_fine_in_a_runbook(folder: Path) -> None:
    shop = Service(folder)
    alone, inside = shop.run(kill), shop.run(kill, shop.context(in_runbook=True))
    assert (alone.outcome, alone.exit, alone.data["outcome"]) == ("nothing", Exit.NOTHING, "nothing")
    assert (inside.outcome, inside.exit) == ("nothing", Exit.FINE)


def test_without_a_selector_nothing_is_ended(folder: Path) -> None:
    shop = Service(folder)
    found = shop.run(kill, shop.context(selector=Selector(), playbook=None))
    assert found.outcome == "refused" and "nothing was selected" in found.message


BAD_COMMANDS = {
    "absent": ("/nonexistent/server",),
    "not executable": ("{folder}/plain",),
    "a folder": ("{folder}",),
    "not on the path": ("no-such-program-anywhere",),
    "no such script": (sys.executable, "missing.py"),
    "no such folder": None,
}


@pytest.mark.parametrize("kind", BAD_COMMANDS)
def test_a_server_that_could_not_be_started_again_is_not_ended(shop: Service, kind: str) -> None:
    (shop.folder / "plain").write_text("#!/bin/sh\n")
    (shop.folder / "plain").chmod(0o600)
    before, words = shop.copies(), BAD_COMMANDS[kind]
    if words is None:
        shop.change(cwd="/nonexistent")
    else:
        shop.change(command=tuple(word.format(folder=shop.folder) for word in words))
    found = shop.run(restart, **NO_EVIDENCE)
    assert found.outcome == "refused" and "could not be started again" in found.message
    assert shop.copies() == before and connects(shop.port)


@pytest.mark.root
def test_root_starts_nothing_that_another_user_could_have_changed(shop: Service) -> None:
    before, program = shop.copies(), shop.folder / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    os.chown(program, 65534, 65534)
    shop.change(command=(str(program),))
    found = shop.run(restart, **NO_EVIDENCE)
    assert found.outcome == "refused" and "belongs to user nobody" in found.message
    os.chown(program, 0, 0)
    program.chmod(0o777)
    assert "written by everybody" in shop.run(restart, **NO_EVIDENCE).message
    assert shop.copies() == before


def test_another_program_on_the_port_is_ended_only_with_all(folder: Path) -> None:
    shop = Service(folder)
    with running(str(SERVERS / "family.py"), "{port}", "exits", port=shop.port) as other:
        found = shop.run(kill, **NO_EVIDENCE)
        assert found.outcome == "refused" and "not the configured program" in found.message
        assert alive(other.pid)
        refused = shop.run(start)
        assert refused.outcome == "refused" and "another program" in refused.message
        assert shop.run(kill, all=True, **NO_EVIDENCE).outcome == "ok"
        assert not alive(other.pid)


def test_more_than_one_server_needs_all_and_more_than_the_cap_a_yes(folder: Path) -> None:
    words = [str(SERVERS / "plain.py"), "{port}", f"--fleet={folder.name}"]
    with running(*words) as one, running(*words) as two, running(*words) as three, running(*words) as four:
        fleet = [server.pid for server in (one, two, three, four)]
        shop = Service(folder)
        chosen = shop.context(selector=Selector(cmdline=("plain.py", f"--fleet={folder.name}")), playbook=None)
        few = shop.run(kill, chosen, **NO_EVIDENCE)
        assert few.outcome == "refused" and "--all" in few.message and few.exit == Exit.REFUSED
        many = shop.run(kill, chosen, all=True, **NO_EVIDENCE)
        assert many.outcome == "refused" and "3 at most" in many.message
        assert all(alive(pid) for pid in fleet)
        chosen.yes, chosen.ask = True, lambda question: True
        assert shop.run(kill, chosen, all=True, **NO_EVIDENCE).outcome == "ok"
        assert not any(alive(pid) for pid in fleet)


def test_a_server_that_was_started_after_the_look_is_not_ended_for_the_old_one(shop: Service) -> None:
    context = shop.context(in_runbook=True)
    (context.found.tree,) = resolve(Selector(service="shop"), shop.playbook)
    (old,) = shop.copies()
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: not alive(old), "the hung one is gone")
    assert shop.run(start, shop.context(in_runbook=True)).outcome == "ok"
    found = shop.run(kill, context, **NO_EVIDENCE)
    assert found.outcome == "nothing" and len(shop.copies()) == 1


def test_only_one_wd_works_on_a_server_at_a_time(shop: Service) -> None:
    before = shop.copies()
    code = (
        "import sys\nfrom watchdog.policy.lock_files import target_lock\n"
        f"with target_lock('port:{shop.port}', 'run nightly'):\n    print(1, flush=True); sys.stdin.read()"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
    try:
        assert other.stdout is not None and other.stdout.readline()
        found = shop.run(kill, **NO_EVIDENCE)
        assert found.outcome == "refused" and f"pid {other.pid}" in found.message and "run nightly" in found.message
        assert shop.copies() == before
    finally:
        other.communicate(timeout=30)
    with target_lock.acquire(target_lock.keys((), shop.playbook), "run", shop.playbook):
        in_run = shop.context(in_runbook=True)
        assert shop.run(kill, in_run, **NO_EVIDENCE).outcome == "ok"  # what the run holds, its steps have


def test_the_evidence_of_a_kill_never_holds_it_up(shop: Service) -> None:
    hang(shop)
    context = shop.context()
    found = shop.run(kill, context, grace=1.0)
    assert found.outcome == "ok", found.message
    wait_for(lambda: context.found.snapshot is not None, "the evidence is kept")
    assert context.found.snapshot is not None and context.found.snapshot.artifacts


def test_what_a_person_kills_by_hand_is_wanted_and_what_the_loop_kills_is_not(shop: Service) -> None:
    with Journal.open(shop.state) as journal:
        by_loop = shop.context(journal=journal, trigger=Trigger("probe", "health"))
        shop.run(kill, by_loop, **NO_EVIDENCE)
        assert journal.desired("shop").state == "running"
        shop.run(start, shop.context(journal=journal, in_runbook=True))
        by_kim = shop.context(journal=journal, trigger=Trigger("person", "wd kill", "kim"), ask=lambda question: True)
        shop.run(kill, by_kim, **NO_EVIDENCE)
        assert (journal.desired("shop").state, journal.desired("shop").by) == ("stopped", "kim")
        shop.run(start, shop.context(journal=journal, in_runbook=True))
        assert journal.desired("shop").state == "running"
        assert len(journal.restarts("shop", 0.0)) == 2


def test_a_server_that_dies_while_it_starts_is_told_at_once_with_its_last_words(folder: Path) -> None:
    with service(folder) as shop:
        shop.change(command=(sys.executable, "-c", "raise SystemExit('no licence')"), ready=Ready(within=60.0))
        found = shop.run(start)
        assert found.outcome == "failed" and "code 1: no licence" in found.message


def test_a_server_that_dies_two_seconds_after_it_began_to_listen_was_not_started(folder: Path) -> None:
    code = (
        "import http.server, sys, threading, time, os\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self): self.send_response(200); self.end_headers()\n"
        "threading.Timer(2.0, lambda: os._exit(7)).start()\n"
        "http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()"
    )
    with service(folder) as shop:
        shop.change(command=(sys.executable, "-c", code, str(shop.port), shop.mark))
        shop.playbook = replace(shop.playbook, find=Selector(port=shop.port))
        found = shop.run(start)
        assert found.outcome == "failed" and "code 7" in found.message
        # In a run it is the proof that waits.
        context = shop.context(in_runbook=True)
        assert shop.run(start, context).outcome == "ok"
        proof = shop.run(verify, context)
        assert proof.outcome == "failed" and "code 7" in proof.message


def test_start_and_verify_do_not_wait_for_a_server_that_a_signal_has_stopped(folder: Path) -> None:
    """Both could wait for longer than this test may take."""
    code = "import os, signal, sys; os.kill(os.getpid(), signal.SIGSTOP)"
    with service(folder) as shop:
        right = shop.playbook.start
        shop.change(command=(sys.executable, "-c", code, str(shop.port), shop.mark), ready=Ready(within=900.0))
        found = shop.run(start)
        assert found.outcome == "failed" and "stopped by a signal" in found.message, found
        os.kill(found.data["pid"], signal.SIGKILL)
        shop.change(command=right.command, ready=right.ready)
        context = shop.context(in_runbook=True)
        assert shop.run(start, context).outcome == "ok"
        for known in (context, shop.context()):  # from the start of the same run, and from the port alone
            for pid in shop.copies():
                os.kill(pid, signal.SIGSTOP)
            proof = shop.run(verify, known, within=900.0)
            assert proof.outcome == "failed" and "kill -CONT" in proof.message, proof
            for pid in shop.copies():
                os.kill(pid, signal.SIGCONT)
        assert shop.run(verify, context, within=60.0).outcome == "ok"


def test_a_model_that_loads_for_long_is_no_failure(folder: Path) -> None:
    slow = folder / "plain.py"
    slow.write_text(
        f"import runpy, sys, time\ntime.sleep(2.5)\nrunpy.run_path({str(SERVERS / 'plain.py')!r}, run_name='__main__')"
    )
    with service(folder) as shop:
        shop.change(command=(sys.executable, str(slow), str(shop.port), shop.mark))
        found = shop.run(start)
        assert found.outcome == "ok" and found.data["ready"], found.message
        late = shop.run(stop, **NO_EVIDENCE)
        assert late.outcome == "ok"
        shop.change(ready=Ready(within=0.5))
        short = shop.run(start, shop.context(in_runbook=True))
        assert short.outcome == "failed" and "not ready within 0.5 s" in short.message


def test_the_fallback_is_started_when_the_command_does_not_come_up(folder: Path) -> None:
    with service(folder) as shop:
        good = shop.playbook.start.command
        deaf = (sys.executable, "-c", "import time; time.sleep(600)", shop.mark)
        shop.change(command=deaf, fallback=good, ready=Ready(within=1.0))
        found = shop.run(start, shop.context(in_runbook=True), within=3.0)
        assert found.outcome == "ok" and "by the fallback" in found.message
        assert len(shop.copies()) == 1  # what did not come up was cleared away


def test_an_orphan_that_holds_the_port_and_answers_is_no_proof(folder: Path) -> None:
    """The started process lives, the health page answers 200, and both have nothing to do with each other."""
    with service(folder) as shop:
        deaf = (sys.executable, "-c", "import time; time.sleep(600)", shop.mark)
        with running(str(SERVERS / "plain.py"), "{port}", port=shop.port) as orphan:
            shop.change(command=deaf)
            shim_context = shop.context(in_runbook=True)
            shim_context.found.armed = launch.arm(shop.playbook.start, "shop", shop.state)
            found = shop.run(start, shim_context, within=1.5)
            assert found.outcome == "failed" and f"pid {orphan.pid}" in found.message
            proof = shop.run(verify, shim_context, within=1.0)
            assert proof.outcome == "failed" and f"pid {orphan.pid}" in proof.message


def test_the_proof_wants_good_answers_in_a_row(folder: Path) -> None:
    """Every third answer is an error: three in a row never come."""
    code = (
        "import http.server, sys\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    count = 0\n"
        "    def do_GET(self):\n"
        "        H.count += 1\n"
        "        self.send_response(500 if H.count % 3 == 0 else 200); self.end_headers()\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()"
    )
    with running("-c", code, "{port}") as server:
        shop = Service(folder)
        context = shop.context(selector=Selector(), playbook=None)
        few = shop.run(verify, context, url=f"{server.url}/", healthy=2, within=20.0)
        assert few.outcome == "ok" and few.data["pid"] == server.pid
        many = shop.run(verify, context, url=f"{server.url}/", healthy=3, within=2.0)
        assert many.outcome == "failed" and many.exit == Exit.CRITICAL
        assert set(many.data["answers"][0]) == {"ok", "seconds", "status"}


def test_a_second_address_is_asked_where_the_first_does_not_answer(folder: Path) -> None:
    with running(str(SERVERS / "plain.py"), "{port}") as server:
        shop = Service(folder)
        context = shop.context(selector=Selector(), playbook=None)
        dead = f"http://127.0.0.1:{free_port()}/"
        found = shop.run(verify, context, url=dead, fallback=f"{server.url}/health", within=20.0, later=0.2)
        assert found.outcome == "ok", found.message


def test_without_a_health_page_the_proof_is_said_to_be_weak(folder: Path) -> None:
    with service(folder) as shop:
        shop.playbook = Playbook("shop", Selector(port=shop.port), start=shop.playbook.start)
        context = shop.context(in_runbook=True)
        assert shop.run(start, context).outcome == "ok"
        found = shop.run(verify, context, within=30.0)
        assert found.outcome == "ok" and "weak" in found.message


def test_a_port_that_only_the_kernels_timer_holds_is_no_obstacle(shop: Service) -> None:
    """A client keeps its end open after the server is killed: FIN_WAIT2 on our side."""
    with socket.create_connection(("127.0.0.1", shop.port)) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100)
        found = shop.run(restart, **NO_EVIDENCE)
        assert found.outcome == "ok", found.message


def test_the_worker_that_the_diagnosis_names_is_ended_and_replaced(folder: Path) -> None:
    code = (
        "import os, socket, sys, time\n"
        "s = socket.socket(); s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen()\n"
        "def worker():\n    if os.fork() == 0: time.sleep(600)\n"
        "worker(); worker()\nwhile True: os.wait(); worker()\n"
    )
    with running("-c", code, "{port}") as server:
        wait_for(lambda: len(resolve(Selector(port=server.port))[0].members) == 3, "both workers are there")
        victim = resolve(Selector(port=server.port))[0].members[2].process.pid
        shop = Service(folder)
        context = shop.context(selector=Selector(port=server.port), playbook=None)
        nobody = shop.run(kill, context, worker=True, **NO_EVIDENCE)
        assert nobody.outcome == "refused" and "no worker was named" in nobody.message
        culprit = Culprit("server.py", 3, "handle", pid=victim)
        finding = Finding("external-wait", 0.9, "", "restart-worker", culprit)
        context.found.diagnosis = Diagnosis("external-wait", (finding,), "restart-worker")
        found = shop.run(kill, context, worker=True, **NO_EVIDENCE)
        assert found.outcome == "ok", found.message
        assert [one["pid"] for one in found.data["killed"]] == [victim]
        assert alive(found.data["replacement"]) and alive(server.pid)


def test_a_service_of_a_manager_is_started_and_ended_by_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for systemctl that writes down what it is told."""
    tools = folder / "bin"
    tools.mkdir()
    tool = tools / "systemctl"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {folder}/told\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    with running(str(SERVERS / "plain.py"), "{port}") as server:
        (tree,) = resolve(Selector(port=server.port))
        managed = replace(tree, manager=Manager("systemd", "shop.service"))
        owner = Ownership(managers.systemd(("systemctl",), "shop.service"))
        table = processes.table()
        plan = make_plan(managed, reason="", us=guards.ourselves(table), table=table, grace=0.3, owner=owner)
        assert plan.through == ("systemctl", "stop", "shop.service") and plan.refusals == ()
        result = execute(plan, lambda text: None, Times(finish=0.5, ports=0.2))
        told = (folder / "told").read_text().splitlines()
        assert told[:2] == ["stop shop.service", "kill --signal=SIGKILL --kill-who=all shop.service"]
        assert "left to its manager" in result.survivors[0].reason
        assert result.outcome == "failed" and alive(server.pid)  # it did not listen, and nobody went behind its back


def test_the_playbook_and_the_words_of_a_person_say_what_is_asked() -> None:
    playbook = Playbook(
        "shop",
        Selector(port=8000),
        start=Start(ready=Ready(url="/ready")),
        probes=(ProbeSpec("health", "http", "/health"), ProbeSpec("deep", "http", "https://example.org/x")),
    )
    assert question_of(playbook).urls == ("http://127.0.0.1:8000/ready", "http://127.0.0.1:8000/health")
    assert question_of(playbook).port == 8000
    assert question_of(None, "http://localhost:99/x").port == 99
    assert question_of(None, "http://example.org/x").port is None
