"""Listeners with all their holders, and whether a port can be bound."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from support import free_port, wait_for

from watchdog.system.linux import diag
from watchdog.system.net import ports


@contextlib.contextmanager
def listening(family: int = socket.AF_INET, address: str = "127.0.0.1", **options: int) -> Iterator[socket.socket]:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if "v6only" in options:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, options["v6only"])
        sock.bind((address, 0))
        sock.listen(7)
        yield sock


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def test_a_listener_is_told_with_address_holder_queue_and_backlog() -> None:
    with listening() as sock:
        port = port_of(sock)
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        wait_for(lambda: ports.listeners(port)[0].queue == 3, "three connections wait")
        found = ports.listeners(port)[0]
        assert (found.address, found.holders, found.backlog) == ("127.0.0.1", (os.getpid(),), 7)
        assert found.inode == os.fstat(sock.fileno()).st_ino
        assert [one for one in ports.listeners() if one.port == port] == [found]
        for client in clients:
            client.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
@pytest.mark.parametrize("v6only", [0, 1])
def test_a_listener_on_ipv6_is_found_whether_or_not_it_takes_ipv4(v6only: int) -> None:
    with listening(socket.AF_INET6, "::", v6only=v6only) as sock:
        assert [(one.address, one.holders) for one in ports.listeners(port_of(sock))] == [("::", (os.getpid(),))]
        assert not ports.can_bind(port_of(sock))
        assert ports.can_bind(port_of(sock), "0.0.0.0") == bool(v6only)


def test_the_table_of_the_kernel_says_the_same_as_its_socket_diagnosis() -> None:
    with listening() as sock:
        port = port_of(sock)
        by_table = [
            one for one in diag.table_rows(socket.AF_INET) if one.local_port == port and one.state == diag.LISTEN
        ]
        by_netlink = diag.rows({diag.LISTEN}, port)
        assert [(one.local, one.inode, one.received, one.uid) for one in by_table] == [
            (one.local, one.inode, one.received, one.uid) for one in by_netlink
        ]


def test_every_process_that_holds_the_socket_is_named_also_when_its_parent_is_dead() -> None:
    code = """
import os, signal, socket, sys, time
sock = socket.socket(); sock.bind(("127.0.0.1", 0)); sock.listen()
kids = [os.fork() for _ in range(2)]
if 0 in kids:
    time.sleep(3600)
print(sock.getsockname()[1], os.getpid(), *kids, flush=True)
sys.stdin.readline()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert child.stdout is not None and child.stdin is not None
        port, *pids = (int(word) for word in child.stdout.readline().split())
        wait_for(lambda: len(ports.listeners(port)[0].holders) >= 4, "parent, children and grandchild hold it")
        holders = ports.listeners(port)[0].holders
        assert set(pids) <= set(holders)
        child.kill()
        child.wait(10)
        left = ports.listeners(port)[0].holders
        assert set(left) == set(holders) - {child.pid}
        assert not ports.can_bind(port)
        assert str(left[0]) in ports.why_not_bound(port)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(10)
        child.stdin.close()  # type: ignore[union-attr]
        child.stdout.close()  # type: ignore[union-attr]


def test_each_socket_of_a_shared_port_is_told() -> None:
    port = free_port()
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(("127.0.0.1", port))
            sock.listen()
        assert len({one.inode for one in ports.listeners(port)}) == 2
        assert not ports.can_bind(port)


def test_clients_of_a_port_are_not_its_listeners() -> None:
    with listening() as sock, socket.create_connection(sock.getsockname()) as client:
        own = client.getsockname()[1]
        assert ports.listeners(own) == ()
        assert len(ports.listeners(port_of(sock))) == 1


def test_a_free_port_can_be_bound_and_a_lingering_connection_is_told_from_a_holder() -> None:
    port = free_port()
    assert ports.can_bind(port)
    assert ports.why_not_bound(port) == ""
    with socket.socket() as sock:  # without SO_REUSEADDR, so that what lingers keeps the port
        sock.bind(("127.0.0.1", port))
        sock.listen()
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = sock.accept()
        assert ports.why_not_bound(port) == f"port {port} is held by pid {os.getpid()}"
    accepted.close()
    assert not ports.can_bind(port)
    assert "no process holds" in ports.why_not_bound(port)
    assert "FIN_WAIT" in ports.why_not_bound(port)
    client.close()


def test_a_server_that_closed_its_connections_first_can_be_started_again_at_once() -> None:
    with listening() as sock:
        port = port_of(sock)
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = sock.accept()
        accepted.close()
        client.close()
    assert ports.can_bind(port)


@pytest.mark.root
def test_a_listener_in_another_network_namespace_is_told_apart() -> None:
    from watchdog.system.process import processes

    code = """
import socket, sys
sock = socket.socket(); sock.bind(("127.0.0.1", int(sys.argv[1]))); sock.listen()
print("ready", flush=True); sys.stdin.readline()
"""
    port = free_port()
    child = subprocess.Popen(
        ["unshare", "--net", sys.executable, "-c", code, str(port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with child:
        assert child.stdout is not None and child.stderr is not None
        if child.stdout.readline().strip() != "ready":
            pytest.skip(f"no network namespace here: {child.stderr.read()}")
        assert ports.listeners(port) == ()
        elsewhere = ports.listeners_elsewhere(port, processes.table())
        child.kill()
    assert [(one.port, one.holders) for one, _ in elsewhere] == [(port, (child.pid,))]
