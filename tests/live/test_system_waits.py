"""What the kernel tells of threads, sockets, pipes and file locks, read from real ones."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import support

from watchdog.evidence import files_open
from watchdog.evidence.bounded import Attempt
from watchdog.system.net import sockets
from watchdog.system.process import descriptors, filelocks, processes, threads

SLEEPER = "import sys, time; print('ready', flush=True); time.sleep(1000)"


@contextlib.contextmanager
def python(code: str, **more: object) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, **more)  # type: ignore[call-overload]
    try:
        assert child.stdout.readline() == b"ready\n"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_sleeping_thread_tells_its_call_since_when_and_until_when() -> None:
    with python(SLEEPER) as child:
        support.wait_for(
            lambda: (threads.look(child.pid)[0].call or 0) and threads.look(child.pid)[0].state == "S", "asleep"
        )
        support.wait_for(lambda: (threads.look(child.pid)[0].asleep or 0) > 0.2, "asleep for a while")
        one = threads.with_memory(threads.look(child.pid)[0])
        assert one.call is not None
        assert one.call.name in ("clock_nanosleep", "select", "pselect6")
        if one.call.name == "clock_nanosleep":
            assert one.sleep_left is not None
            assert 900 < one.sleep_left < 1000


def test_a_blocked_read_tells_its_descriptor_and_a_poll_of_one_as_well() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for timeout in (None, 600):
            reader = threading.Thread(target=lambda t=timeout: (ours.settimeout(t), ours.recv(1)), daemon=True)
            reader.start()

            def seen(tid: int = reader.native_id or 0) -> int | None:
                found = next((one for one in threads.look(os.getpid()) if one.tid == tid), None)
                call = threads.with_memory(found).call if found else None
                return call.descriptor if call else None

            support.wait_for(lambda: seen() == ours.fileno(), "the descriptor")
            theirs.send(b"x")
            reader.join(10)


def test_an_unknown_pid_has_no_threads_and_no_descriptors() -> None:
    assert threads.look(2**22 - 1) == ()
    assert descriptors.of(2**22 - 1) == ()
    assert descriptors.count(2**22 - 1) is None


def test_a_connection_tells_its_unread_bytes_and_when_data_last_came() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, server.accept()[0] as served:
            client.sendall(b"x" * 10)
            inode = os.fstat(served.fileno()).st_ino

            def found() -> list[sockets.Connection]:
                rows = sockets.connections([os.getpid()], [port], {inode: os.getpid()})
                return [one for one in rows if one.inode == inode and one.unread == 10]

            support.wait_for(found, "unread bytes")
            (one,) = found()
            assert one.served
            assert one.state == "ESTABLISHED"
            assert one.received in (10, None)


def test_who_waits_in_the_queue_belongs_to_no_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            support.wait_for(lambda: sockets.connections([os.getpid()], [port], {}), "the queue")
            assert all(one.pid is None for one in sockets.connections([os.getpid()], [port], {}))


def test_the_other_end_of_a_pipe_and_of_a_socket_pair_is_found() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, python(SLEEPER, stdin=subprocess.PIPE, pass_fds=(theirs.fileno(),)) as child:
        seen = files_open.look([child.pid])
        stdin = next(one for one in seen if one.number == 0)
        passed = next(one for one in seen if one.number == theirs.fileno())
        assert os.getpid() in stdin.other_ends
        assert (passed.kind, os.getpid() in passed.other_ends) == ("unix", True)
        if child.stdin:
            child.stdin.close()


def test_opening_modes_are_told_without_opening_anything(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w") as file, path.open() as again:
        modes = {one.number: one.writable for one in descriptors.of(os.getpid()) if one.target == str(path)}
        assert modes == {file.fileno(): True, again.fileno(): False}


def test_a_writer_of_a_database_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "stock.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE t(a)")
        writer.execute("BEGIN IMMEDIATE")
        found = files_open.locks(descriptors.of(os.getpid()), known())
        held = [lock for lock in found if lock.exclusive and lock.path == str(path)]
        if not held:
            pytest.skip("this kernel does not tell inodes of descriptors")
        assert held[0].pid == os.getpid()
        assert held[0].start >= 0x40000000


def test_who_waits_for_a_file_lock_is_told_apart_from_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waits = f"import fcntl; f = open({str(path)!r}, 'w'); print('ready', flush=True); fcntl.flock(f, fcntl.LOCK_EX)"
        inode = os.fstat(file.fileno()).st_ino
        with python(waits) as child:
            support.wait_for(
                lambda: [one for one in filelocks.rows() if one.inode == inode and one.waiting], "the waiter"
            )
            rows = [one for one in filelocks.rows() if one.inode == inode]
            assert {one.pid: one.waiting for one in rows} == {os.getpid(): False, child.pid: True}


def test_a_peer_that_refuses_is_told_from_one_that_connects() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert sockets.try_connect("127.0.0.1", server.getsockname()[1], 1.0) == "connects"
    assert sockets.try_connect("127.0.0.1", support.free_port(), 1.0) == "refuses"


def test_children_are_known_without_a_look_at_everybody() -> None:
    with python(SLEEPER) as child:
        found = threads.children(os.getpid())
        if found is None:
            pytest.skip("this kernel does not list children")
        assert child.pid in found


def test_a_signal_that_waits_is_seen() -> None:
    block = "import signal, time; signal.pthread_sigmask(signal.SIG_BLOCK, [15]); "
    code = block + "print('ready', flush=True); time.sleep(1000)"
    with python(code) as child:
        child.terminate()
        support.wait_for(lambda: 15 in threads.facts(child.pid).pending, "pending")


def test_a_collector_that_stalls_leaves_a_gap_and_no_hole() -> None:
    release = threading.Event()
    found, gap = Attempt("slow", lambda: release.wait(30) and "late", "nothing").take(0.05)
    release.set()
    assert found == "nothing"
    assert gap is not None
    assert "not done" in gap.reason


def test_a_collector_that_fails_leaves_its_reason() -> None:
    def fail() -> str:
        raise PermissionError("not yours")

    found, gap = Attempt("mine", fail, "").take(5.0)
    assert (found, gap and gap.reason) == ("", "PermissionError: not yours")


def known() -> dict[int, processes.Process]:
    own = processes.read(os.getpid())
    return {own.pid: own} if own else {}
