"""A question over HTTP against servers that do everything wrong: it always ends in time, and with the right reason."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import free_port, running

from watchdog.system.net import connect
from watchdog.system.net.http import Reply, ask

Talk = Callable[[socket.socket], None]
TLS = Path(__file__).parents[1] / "servers" / "tls.pem"
OK = b"HTTP/1.1 200 OK\r\n"


@contextlib.contextmanager
def server(talk: Talk, secure: bool = False) -> Iterator[str]:
    """Says whatever `talk` says to each connection; it ends when the client hangs up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            if secure:
                peer = context.wrap_socket(peer, server_side=True)
            with peer:
                peer.recv(65536)
                talk(peer)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                threading.Thread(target=serve, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http{'s' if secure else ''}://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.close()


def says(*parts: bytes) -> Talk:
    def talk(peer: socket.socket) -> None:
        for part in parts:
            peer.sendall(part)

    return talk


def drips(head: bytes, drop: bytes) -> Talk:
    def talk(peer: socket.socket) -> None:
        peer.sendall(head)
        while True:
            peer.sendall(drop)
            time.sleep(0.05)

    return talk


def endless(peer: socket.socket) -> None:
    peer.sendall(OK + b"\r\n")
    while True:
        peer.sendall(b"x" * 65536)


def silent(peer: socket.socket) -> None:
    peer.recv(1)


def in_time(url: str, timeout: float = 1.0) -> Reply:
    begun = time.monotonic()
    reply = ask(url, timeout=timeout)
    assert time.monotonic() - begun < timeout + 5.0  # a busy machine; without a bound it would be for ever
    return reply


@pytest.fixture(params=[False, True], ids=["http", "https"])
def secure(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS))
    return bool(request.param)


@pytest.mark.parametrize(
    ("talk", "problem", "status"),
    [
        (says(OK + b"Content-Length: 2\r\n\r\nok"), "", 200),
        (says(OK + b"\r\nok"), "", 200),
        (says(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), "", 200),
        (says(b"HTTP/1.0 503 Busy\r\n\r\n"), "", 503),
        (silent, "timeout", None),
        (drips(b"HTTP/1.1 2", b"0"), "timeout", None),
        (drips(OK, b"X-A: b\r\n"), "timeout", None),
        (says(b""), "reset", None),
    ],
    ids=["good", "until close", "chunked", "503", "silent", "status drips", "headers drip", "closes"],
)
def test_the_answer_is_told_for_what_it_is(talk: Talk, problem: str, status: int | None, secure: bool) -> None:
    with server(talk, secure) as url:
        reply = in_time(url)
    assert (reply.problem, reply.status) == (problem, status), reply
    assert reply.body == (b"ok" if status == 200 else b"")


@pytest.mark.parametrize("head", [OK + b"\r\n", OK + b"Content-Length: 900\r\n\r\n"], ids=["no length", "length"])
def test_a_body_that_drips_ends_at_the_deadline(head: bytes, secure: bool) -> None:
    with server(drips(head, b"."), secure) as url:
        assert in_time(url).problem == "timeout"


def test_a_body_without_end_is_read_up_to_the_limit_and_counts_as_an_answer(secure: bool) -> None:
    with server(endless, secure) as url:
        reply = ask(url, timeout=20.0, limit=200_000)
    assert (reply.problem, reply.status, len(reply.body), reply.truncated) == ("", 200, 200_000, True)


def test_a_body_that_ends_too_early_is_no_answer() -> None:
    with server(says(OK + b"Content-Length: 100\r\n\r\nshort")) as url:
        assert in_time(url).problem == "reset"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        OK + b"X-Long: " + b"a" * 200_000 + b"\r\n\r\n",
        OK + b"X: y\r\n" * 500 + b"\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n",
        OK + b"Content-Length: -5\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    ],
    ids=["ssh", "binary", "status", "huge header", "many headers", "bad chunk", "negative chunk"],
)
def test_what_is_no_http_never_counts_as_an_answer(answer: bytes) -> None:
    with server(says(answer)) as url:
        reply = in_time(url)
    assert reply.problem in ("other", "reset", "timeout"), reply
    assert len(reply.detail) < 400


def test_redirects_are_followed_a_few_times_on_the_same_host_only() -> None:
    numbers = itertools.count()

    def round_and_round(peer: socket.socket) -> None:
        peer.sendall(f"HTTP/1.1 302 Found\r\nLocation: /{next(numbers)}\r\nContent-Length: 0\r\n\r\n".encode())

    with server(round_and_round) as url:
        reply = in_time(url, 5.0)
    assert (reply.problem, next(numbers)) == ("other", 4)
    with server(says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\n\r\n")) as url:
        reply = in_time(url)
    assert reply.problem == "other"
    assert "another host" in reply.detail


def test_one_redirect_leads_to_the_answer() -> None:
    answers = iter([b"HTTP/1.1 301 Moved\r\nLocation: healthz\r\nContent-Length: 0\r\n\r\n", OK + b"\r\nok"])
    with server(lambda peer: peer.sendall(next(answers))) as url:
        assert in_time(url, 5.0).body == b"ok"


def test_nobody_there_is_refused() -> None:
    assert in_time(f"http://127.0.0.1:{free_port()}/").problem == "refused"


def test_a_hung_server_is_seen_though_it_accepts() -> None:
    with running(str(Path(__file__).parents[1] / "servers" / "plain.py"), "{port}") as hung:
        assert in_time(hung.url + "/health", 10.0).status == 200
        os.kill(hung.pid, signal.SIGSTOP)
        connect.connect("127.0.0.1", hung.port, time.monotonic() + 5.0).close()
        assert in_time(hung.url + "/health", 0.5).problem == "timeout"


@pytest.mark.parametrize(
    "url", ["", "ftp://x/", "http://", "http://h:99999/", "http://a b/", "http://h/\r\nX: y", "/p"]
)
def test_an_address_that_is_none_is_our_own_mistake(url: str) -> None:
    assert in_time(url).problem == "local"


def test_a_name_that_nobody_knows_is_a_local_reason() -> None:
    assert in_time("http://no-such-name.invalid/", 8.0).problem == "local"


def test_a_lookup_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(60))
    reply = in_time("http://somewhere.example/", 0.3)
    release.set()
    assert reply.problem == "local"


def test_without_descriptors_the_reason_is_local() -> None:
    """In a child, which may use up its own."""
    code = (
        "import resource, socket\n"
        "from watchdog.system.net.http import ask\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "kept = []\n"
        "try:\n"
        "    while True: kept.append(socket.socket())\n"
        "except OSError: pass\n"
        "print(ask('http://127.0.0.1:9/', timeout=2).problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "local"


def test_a_proxy_variable_changes_nothing(monkeypatch: pytest.MonkeyPatch, secure: bool) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with server(says(OK + b"Content-Length: 2\r\n\r\nok"), secure) as url:
        assert in_time(url, 10.0).status == 200


def test_a_certificate_that_is_not_trusted_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with server(says(OK + b"\r\nok"), secure=True) as url:
        reply = in_time(url, 10.0)
    assert (reply.problem, reply.status) == ("certificate", None)


def test_plain_http_on_a_tls_port_is_a_tls_problem_and_not_a_missing_right() -> None:
    """OpenSSL's error number 1 is the system's number for "not permitted"."""
    with server(says(OK + b"\r\nok")) as url:
        assert in_time(url.replace("http:", "https:"), 10.0).problem == "tls"


def test_a_tls_server_that_never_shakes_hands_ends_at_the_deadline() -> None:
    with server(silent) as url:
        assert in_time(url.replace("http:", "https:")).problem == "timeout"


def test_when_wd_itself_was_stopped_the_answer_says_nothing() -> None:
    """SIGSTOP of the asking process in the middle of a question."""
    code = (
        "import sys\nfrom watchdog.system.net.http import ask\nprint(ask(sys.argv[1], timeout=1.0).problem, flush=True)"
    )
    asked = threading.Event()

    def hears_and_is_silent(peer: socket.socket) -> None:
        asked.set()
        peer.recv(1)

    with server(hears_and_is_silent) as url:
        asking = subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True)
        assert asked.wait(30)
        os.kill(asking.pid, signal.SIGSTOP)
        time.sleep(2.5)  # the very time that it must not run
        os.kill(asking.pid, signal.SIGCONT)
        assert asking.communicate(timeout=30)[0].strip() == "local"


def test_a_thousand_questions_leave_no_descriptor_open() -> None:
    with server(says(OK + b"Content-Length: 2\r\n\r\nok")) as url:
        ask(url, timeout=10.0)
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(300):
            assert ask(url, timeout=10.0).status == 200
        assert len(os.listdir("/proc/self/fd")) <= before + 3  # noqa: PTH208
