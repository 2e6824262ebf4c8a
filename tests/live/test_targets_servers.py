"""Real servers on real frameworks: the whole of each is found, and nothing beside it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import SERVERS, alive, connects, end_session, free_port, running, wait_for

from watchdog.model.playbook import Playbook, Start
from watchdog.model.process import Identity, Tree
from watchdog.model.selector import Selector
from watchdog.system.net import ports
from watchdog.system.process import processes
from watchdog.targets import resolve, servers

PLAIN = str(SERVERS / "plain.py")
WSGI = 'def app(environ, start):\n    start("200 OK", [])\n    return [b"fine"]\n'
ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})
"""
FLASK = 'from flask import Flask\napp = Flask(__name__)\n@app.get("/")\ndef home():\n    return "fine"\n'
ENDED = "import sys; sys.stdin.readline()"


def one(selector: Selector, playbook: Playbook | None = None) -> Tree:
    found = resolve.resolve(selector, playbook)
    assert len(found) == 1, [(tree.pids, tree.root.command) for tree in found]
    return found[0]


def session(leader: int) -> set[int]:
    table = processes.table()
    return {pid for pid, process in table.items() if process.session == leader and process.state != "Z"}


def roles(tree: Tree) -> list[str]:
    return [member.role for member in tree.members]


def test_one_server_is_the_same_by_port_pid_command_line_and_identity() -> None:
    with running("-m", "http.server", "{port}", "--bind", "127.0.0.1") as server:
        tree = one(Selector(port=server.port))
        assert tree.pids == (server.pid,)
        assert tree.framework == "http.server"
        assert tree.manager is None
        for selector in (
            Selector(pid=server.pid),
            Selector(cmdline=("http.server", str(server.port))),
            Selector(cmdline=(rf"http\.server {server.port}",), regex=True),
            Selector(identities=(tree.root.identity,)),
            Selector(port=server.port, cmdline=("http.server",)),
            Selector(port=server.port, pid=server.pid),
        ):
            assert one(selector).pids == (server.pid,)
        for nobody in (
            Selector(port=server.port, cmdline=("uvicorn",)),
            Selector(port=server.port, pid=os.getppid()),
            Selector(),
        ):
            assert resolve.resolve(nobody) == ()


def test_a_gunicorn_master_and_its_workers_are_one_server(folder: Path) -> None:
    (folder / "app.py").write_text(WSGI)
    with running("-m", "gunicorn", "-w", "2", "-b", "127.0.0.1:{port}", "app:app", cwd=folder) as server:
        wait_for(lambda: len(session(server.pid)) == 3, "two workers are there")
        tree = one(Selector(port=server.port))
        assert set(tree.pids) == session(server.pid)
        assert roles(tree) == ["master", "worker", "worker"]
        assert tree.framework == "gunicorn"
        assert one(Selector(pid=tree.pids[2])).pids == tree.pids
        assert one(Selector(cmdline=("gunicorn", "app:app"), port=server.port)).pids == tree.pids


def test_uvicorn_with_workers_is_one_server_helpers_of_multiprocessing_included(folder: Path) -> None:
    (folder / "app.py").write_text(ASGI)
    with running("-m", "uvicorn", "app:app", "--port", "{port}", "--workers", "2", cwd=folder) as server:
        wait_for(lambda: len(session(server.pid)) >= 4, "two workers and a tracker are there")
        tree = one(Selector(port=server.port))
        assert set(tree.pids) == session(server.pid)
        assert roles(tree).count("worker") == 2
        assert tree.root.pid == server.pid and roles(tree)[0] == "master"
        assert tree.framework == "uvicorn"


def test_a_reloader_and_what_it_reloads_are_one_server(folder: Path) -> None:
    (folder / "app.py").write_text(FLASK)
    with running("-m", "flask", "--app", "app", "run", "--debug", "--port", "{port}", cwd=folder) as server:
        wait_for(lambda: len(session(server.pid)) == 2, "the reloader has its child")
        tree = one(Selector(port=server.port))
        assert set(tree.pids) == session(server.pid)
        assert (tree.root.pid, roles(tree)[0], tree.framework) == (server.pid, "master", "flask")


@contextlib.contextmanager
def started(*argv: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A program in its own session, ended with it."""
    child = subprocess.Popen(
        argv, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        end_session(child)
        assert child.stdin is not None
        with contextlib.suppress(OSError):
            child.stdin.close()


def test_only_the_true_server_is_found_in_a_fleet_of_look_alikes(folder: Path) -> None:
    folder = folder / "fleet"
    folder.mkdir()
    server = folder / "server.py"
    server.write_text(Path(PLAIN).read_text())
    (folder / "server.py.log").write_text("log\n")
    for name in ("observer.py", "serverXpy", "my_server.py", "server.py.bak", "lint.py"):
        (folder / name).write_text(ENDED)
    (folder / "vim").write_text("#!/bin/sh\nread line\n")
    python = sys.executable
    fleet = [
        (python, "observer.py"),
        (python, "serverXpy"),
        (python, "my_server.py"),
        (python, "server.py.bak"),
        (python, "lint.py", "server.py"),
        ("tail", "-f", "server.py.log"),
        ("tail", "-f", "server.py"),
        ("sh", "./vim", "server.py"),
        ("sh", "-c", f"'{python}' observer.py server.py; exit"),
        (python, "-c", "input()", "server.py"),
    ]
    with contextlib.ExitStack() as stack:
        for argv in fleet:
            stack.enter_context(started(*argv, cwd=folder))
        words = (str(server),)
        assert resolve.resolve(Selector(cmdline=words)) == ()
        with running("server.py", "{port}", cwd=folder) as true:
            assert one(Selector(cmdline=words)).pids == (true.pid,)
            everywhere = resolve.resolve(Selector(cmdline=("server.py", str(true.port))))
            assert [tree.pids for tree in everywhere] == [(true.pid,)]


def test_a_server_started_from_a_persons_shell_leaves_the_shell_and_its_other_jobs_alone(folder: Path) -> None:
    port = free_port()
    spawn = "import pty; pty.spawn(['bash', '--norc', '-i'])"
    with started(sys.executable, "-c", spawn) as terminal:
        assert terminal.stdin is not None
        terminal.stdin.write(f"sleep 1001 & '{sys.executable}' {PLAIN} {port} & sleep 1002 &\n".encode())
        terminal.stdin.flush()
        wait_for(lambda: connects(port), "the job listens")
        tree = one(Selector(port=port))
        shell = processes.read(tree.root.parent)
        assert shell is not None and shell.name == "bash" and shell.terminal
        assert len(tree.pids) == 1 and tree.root.session == shell.pid
        assert any(one.pid == shell.pid and "a shell" in one.reason for one in tree.left_out)
        # The shell itself, named on purpose, does not stand for what was started from it.
        assert one(Selector(pid=shell.pid)).pids == (shell.pid,)
        os.kill(shell.pid, signal.SIGKILL)
        for pid in [pid for pid, process in processes.table().items() if process.session == shell.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


FORKED = """
import os, socket, sys, time
sock = socket.socket(); sock.bind(("127.0.0.1", int(sys.argv[1]))); sock.listen()
for _ in range(2):
    if os.fork() == 0:
        while True:
            time.sleep(1)
while True:
    sock.accept()[0].close()
"""


def test_orphans_that_share_the_socket_of_a_dead_server_are_one_server() -> None:
    with running("-c", FORKED, "{port}") as server:
        wait_for(lambda: len(session(server.pid)) == 3, "the children are there")
        whole = one(Selector(port=server.port))
        assert roles(whole) == ["master", "worker", "worker"]
        server.process.kill()
        server.process.wait(10)
        left = one(Selector(port=server.port))
        assert set(left.pids) == set(whole.pids) - {server.pid}
        assert roles(left) == ["orphan", "orphan"]


ORPHANS = """
import os, subprocess, sys
from http.server import HTTPServer, BaseHTTPRequestHandler
own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1003)"])
subprocess.run(["sh", "-c", "sleep 1004 &"])
apart = subprocess.Popen(["sleep", "1005"], start_new_session=True)
HTTPServer(("127.0.0.1", int(sys.argv[1])), BaseHTTPRequestHandler).serve_forever()
"""


def test_children_in_any_session_and_orphans_of_the_servers_session_belong_to_it() -> None:
    with running("-c", ORPHANS, "{port}") as server:
        tree = one(Selector(port=server.port))
        commands = {member.process.command.split()[-1]: member.role for member in tree.members}
        try:
            assert commands == {
                str(server.port): "main",
                "time.sleep(1003)": "child",
                "1004": "orphan",
                "1005": "child",
            }
        finally:
            for member in tree.members:
                if member.process.cmdline == ("sleep", "1005"):
                    os.kill(member.process.pid, signal.SIGKILL)


TWO = f"""
import subprocess, sys
several = [subprocess.Popen([sys.executable, {PLAIN!r}, port]) for port in sys.argv[1:]]
several[0].wait()
"""


def child_listens(parent: int, port: int) -> bool:
    """Whether it is a child of this process that listens, and not somebody who was quicker to take the port."""
    holders = [processes.read(pid) for one in ports.listeners(port) for pid in one.holders]
    return bool(holders) and all(one is not None and one.parent == parent for one in holders)


def test_two_servers_with_one_parent_are_two_servers_and_the_parent_is_neither() -> None:
    other = free_port()
    with running("-c", TWO, "{port}", str(other)) as parent:
        wait_for(lambda: child_listens(parent.pid, parent.port) and child_listens(parent.pid, other), "both listen")
        first, second = one(Selector(port=parent.port)), one(Selector(port=other))
        assert len(first.pids) == len(second.pids) == 1
        assert not {parent.pid} & {*first.pids, *second.pids}
        assert any(one.pid == parent.pid for one in first.left_out)


SHARED = """
import os, socket, sys
def serve():
    sock = socket.socket(); sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", int(sys.argv[1]))); sock.listen()
    while True:
        sock.accept()[0].close()
if len(sys.argv) == 2 or os.fork() == 0:
    serve()
if os.fork() == 0:
    serve()
os.wait()
"""


def test_a_shared_port_is_one_server_below_one_parent_and_several_otherwise() -> None:
    with running("-c", SHARED, "{port}", "both") as server:
        wait_for(lambda: len(session(server.pid)) == 3, "both listen")
        tree = one(Selector(port=server.port))
        wait_for(lambda: len(one(Selector(port=server.port)).listeners) == 2, "both listen")
        assert set(tree.pids) == session(server.pid)
        with running("-c", SHARED, "{port}", port=server.port) as stranger:
            wait_for(lambda: len(resolve.resolve(Selector(port=server.port))) == 2, "the stranger listens, too")
            assert {tree.root.pid for tree in resolve.resolve(Selector(port=server.port))} == {server.pid, stranger.pid}


def test_ipv4_and_ipv6_on_one_port_may_be_different_servers() -> None:
    code = (
        "import socket, sys; family = socket.AF_INET6 if sys.argv[2] == '6' else socket.AF_INET\n"
        "sock = socket.socket(family)\n"
        "if family == socket.AF_INET6: sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)\n"
        "sock.bind(('', int(sys.argv[1]))); sock.listen(); sys.stdin.read(); __import__('time').sleep(1000)"
    )
    with running("-c", code, "{port}", "4") as four:
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        with running("-c", code, "{port}", "6", port=four.port) as six:
            wait_for(lambda: len(resolve.resolve(Selector(port=four.port))) == 2, "both families are taken")
            assert {tree.root.pid for tree in resolve.resolve(Selector(port=four.port))} == {four.pid, six.pid}


def test_a_client_of_the_port_is_never_found() -> None:
    with running(PLAIN, "{port}") as server:
        client = f"import socket; s = socket.create_connection(('127.0.0.1', {server.port})); input()"
        with started(sys.executable, "-c", client) as stranger:
            assert stranger.pid not in one(Selector(port=server.port)).pids
            assert one(Selector(port=server.port)).pids == (server.pid,)


def test_a_pid_that_belongs_to_another_process_by_now_is_not_taken() -> None:
    with running(PLAIN, "{port}") as server:
        root = one(Selector(port=server.port)).root
        before = Identity(root.identity.boot, root.pid, root.identity.ticks - 1)
        found = resolve.look(Selector(identities=(before,)))
        assert found.trees == ()
        assert "belongs to another process now" in found.left_out[0]


def test_a_stopped_server_is_found_by_everything() -> None:
    with running(PLAIN, "{port}") as server:
        os.kill(server.pid, signal.SIGSTOP)
        wait_for(lambda: processes.read(server.pid).state == "T", "it is stopped")
        for selector in (Selector(port=server.port), Selector(cmdline=(PLAIN, str(server.port)))):
            assert one(selector).root.state == "T"


def test_the_playbooks_port_names_the_service_whatever_program_is_on_it() -> None:
    with running(PLAIN, "{port}") as server:
        playbook = Playbook("shop", Selector(port=server.port, cmdline=("uvicorn", "shop:app")))
        tree = one(Selector(service="shop"), playbook)
        assert (tree.pids, tree.service) == ((server.pid,), "shop")


def test_a_service_that_does_not_listen_yet_is_found_by_its_program_but_no_other_instance_is(folder: Path) -> None:
    script = folder / "late.py"
    script.write_text("import sys; sys.stdin.readline()")
    port = free_port()
    playbook = Playbook(
        "late",
        Selector(port=port, cmdline=(str(script), str(port))),
        start=Start(command=(sys.executable, "late.py", str(port)), cwd=str(folder)),
    )
    assert resolve.resolve(Selector(service="late"), playbook) == ()
    with started(sys.executable, "late.py", str(port), cwd=folder) as child:
        assert one(Selector(service="late"), playbook).pids == (child.pid,)
    script.write_text(Path(PLAIN).read_text().replace("sys.argv[1]", "sys.argv[2]"))
    with running("late.py", str(port), "{port}", cwd=folder):
        assert resolve.resolve(Selector(service="late"), playbook) == ()


def test_every_python_server_is_listed_once_and_no_other_program(folder: Path) -> None:
    (folder / "app.py").write_text(WSGI)
    with (
        running("-m", "gunicorn", "-w", "2", "-b", "127.0.0.1:{port}", "app:app", cwd=folder) as shop,
        running(PLAIN, "{port}") as plain,
    ):
        seen = [tree.root.pid for tree in servers.python_servers()]
        assert seen.count(shop.pid) == seen.count(plain.pid) == 1
        assert {shop.pid, plain.pid} <= {tree.root.pid for tree in servers.all_servers()}


def test_a_process_that_does_not_listen_is_itself_with_what_it_started() -> None:
    code = "import subprocess; subprocess.run(['sleep', '1006'])"
    with started(sys.executable, "-c", code) as child:
        wait_for(lambda: len(session(child.pid)) == 2, "the child is there")
        assert set(one(Selector(pid=child.pid)).pids) == session(child.pid)


def test_a_zombie_named_by_pid_is_told_as_what_it_is() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert one(Selector(pid=child.pid)).root.state == "Z"


def test_our_own_shell_is_not_found_by_a_pattern_that_stands_in_its_command_line() -> None:
    mark = f"wd-mark-{os.getpid()}"
    command = f"'{sys.executable}' -m watchdog.cli.main find --regex --cmdline {mark}; code=$?; sleep 0; exit $code"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("matches only as a command line of wd") == 2


def test_a_waiting_scheduler_that_will_run_wd_is_not_found_by_what_it_will_run() -> None:
    mark = f"wd-mark-{os.getpid()}-{time.monotonic_ns()}"
    with started("sh", "-c", f"sleep 1007; wd kill --regex --cmdline {mark}; exit") as shell:
        found = resolve.look(Selector(cmdline=(mark,), regex=True))
        assert found.trees == ()
        assert any(f"pid {shell.pid}" in text and "command line of wd" in text for text in found.left_out)
        assert alive(shell.pid)
