"""The plan of a kill: what is known beforehand about each process, and when it is better not to begin."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from watchdog.killing.plan import in_words, make_plan, make_worker_plan
from watchdog.model.killing import KillPlan, Ownership
from watchdog.model.process import Identity, LeftOut, Listener, Manager, Member, Process, Tree
from watchdog.policy.guards import Ourselves
from watchdog.system.host import managers
from watchdog.targets import ownership

NO_SIGNALS = pytest.mark.posix("Windows has no such signal")

US = Ourselves(pid=500, ancestors=frozenset({1}), session_leader=440, uid=0, pid_namespace=1)


def process(pid: int, **changed: object) -> Process:
    plain = Process(
        identity=Identity("b", pid, pid * 10),
        parent=1,
        name="python3",
        state="S",
        session=pid,
        group=pid,
        terminal=0,
        uid=0,
        user="root",
        started=0.0,
        threads=1,
        rss=0,
        cpu_seconds=0.0,
        kernel=False,
        cmdline=("python3", "server.py"),
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def server(*members: Process, manager: Manager | None = None) -> Tree:
    listener = Listener(8000, "0.0.0.0", 77, (members[0].pid,), 0, 128)
    roles = ("master", *("worker",) * (len(members) - 1))
    return Tree(
        tuple(Member(one, role) for one, role in zip(members, roles, strict=True)),  # type: ignore[arg-type]
        (listener,),
        manager=manager,
        left_out=(LeftOut(77, "bash", "is its parent and is a shell"),),
    )


def plan(tree: Tree, *others: Process, force: bool = False, owner: Ownership | None = None) -> KillPlan:
    table = {one.process.pid: one.process for one in tree.members} | {one.pid: one for one in others}
    return make_plan(tree, reason="port 8000", us=US, table=table, force=force, owner=owner)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        pytest.param({"ignored": frozenset({signal.SIGTERM})}, "ignores SIGTERM", marks=NO_SIGNALS),
        pytest.param({"blocked": frozenset({signal.SIGTERM})}, "blocks SIGTERM", marks=NO_SIGNALS),
        pytest.param({"state": "T"}, "SIGCONT", marks=NO_SIGNALS),
        ({"state": "D"}, "waits in the kernel"),
        ({"state": "Z", "parent": 77}, "pid 77 (bash) does not take it away"),
    ],
)
def test_how_a_process_will_take_it_is_said_before(changed: dict[str, object], words: str) -> None:
    found = plan(server(process(100, **changed)), process(77, name="bash"))
    assert words in found.doomed[0].note if words else found.doomed[0].note == ""
    assert found.refusals == ()


def test_a_debugged_server_is_left_to_its_debugger_unless_forced() -> None:
    debugger = process(77, name="gdb", cmdline=("gdb", "-p", "100"))
    tree = server(process(100, tracer=77))
    (refusal,) = plan(tree, debugger).refusals
    assert "gdb -p 100" in refusal and "pid 77" in refusal
    assert plan(tree, debugger, force=True).refusals == ()


def test_a_debugger_that_is_part_of_the_server_is_no_reason_to_refuse() -> None:
    assert plan(server(process(100), process(101, parent=100, tracer=100))).refusals == ()


@pytest.mark.parametrize(
    ("manager", "refused"),
    [
        (Manager("wd", "shop"), ""),
        (Manager("runit", "shop"), "kept by runit:shop, and it cannot be seen"),
        (Manager("docker", ""), "does not say which container"),
        (Manager("monit", "shop"), "stop it with that manager's own command"),
        (Manager("systemd", "--now"), "not a name that a unit may have"),
        (Manager("systemd", "shop.service"), "systemctl is not installed here, or not on PATH"),
    ],
)
def test_a_manager_that_cannot_be_asked_gets_no_order_and_nothing_is_signalled(
    manager: Manager, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    tree = server(process(100), manager=manager)
    found = plan(tree, owner=ownership.ask(tree))
    assert found.through == ()
    assert refused in "".join(found.refusals) if refused else found.refusals == ()


def test_a_managed_server_whose_manager_was_not_asked_is_not_ended() -> None:
    found = plan(server(process(100), manager=Manager("runit", "shop")))
    assert found.refusals == ("its manager (runit:shop) was not asked",)


@pytest.mark.parametrize(("named", "refused"), [("100", ""), ("101", "docker names pid 101"), ("", "docker names pid")])
@pytest.mark.posix("a container is run by a shell script")
def test_a_server_in_a_container_is_ended_by_the_containers_own_tool_alone(
    named: str, refused: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "docker").write_text(f"#!/bin/sh\necho {named}\n")
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    inside = process(100, pid_namespace=77)
    assert "another PID namespace" in plan(server(inside)).refusals[0]
    tree = server(inside, manager=Manager("docker", "0123456789ab"))
    found = plan(tree, owner=ownership.ask(tree))
    if refused:
        assert found.through == () and refused in " ".join(found.refusals)
        assert "docker stop 0123456789ab" in " ".join(found.refusals)
    else:
        assert found.refusals == () and found.through == ("docker", "stop", "0123456789ab")
        assert plan(tree, owner=ownership.ask(tree), force=True).through == ("docker", "kill", "0123456789ab")


@pytest.mark.parametrize("text", ["systemd", "systemd:", "cron:x", "docker:--all", ":x", ""])
def test_a_manager_that_cannot_be_asked_is_no_manager(text: str) -> None:
    with pytest.raises(ValueError, match=r"systemd:shop\.service"):
        managers.parse(text)


@pytest.mark.posix("Windows has no signals: it ends at once")
def test_the_plan_reads_like_what_will_happen() -> None:
    text = in_words(plan(server(process(100), process(101, parent=100))))
    assert "port 8000: 2 processes to end" in text
    assert "SIGTERM, 5 s of grace" in text
    assert "proof: all gone, and port 8000 can be bound" in text
    assert "spared: 77 bash: is its parent and is a shell" in text
    assert "SIGKILL at once" in in_words(plan(server(process(100)), force=True))


def worker_plan(pid: int) -> KillPlan:
    tree = server(process(100), process(101, parent=100), process(102, parent=100), process(103, parent=101))
    table = {one.process.pid: one.process for one in tree.members}
    return make_worker_plan(tree, pid, reason="pid 101", us=US, table=table)


def test_one_stuck_worker_is_ended_with_what_it_started_and_nobody_else() -> None:
    found = worker_plan(101)
    assert [one.process.pid for one in found.doomed] == [101, 103]
    assert {one.pid for one in found.spared} == {100, 102}
    assert found.ports == () and found.refusals == () and found.worker == 101


@pytest.mark.parametrize(("pid", "words"), [(100, "is not a worker"), (999, "is not a process of this server")])
def test_what_nobody_would_replace_is_no_worker(pid: int, words: str) -> None:
    assert words in worker_plan(pid).refusals[0]
