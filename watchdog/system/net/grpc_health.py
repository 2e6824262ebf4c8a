"""One question to the health service of a gRPC server (grpc.health.v1), without TLS and with one total deadline.

The package h2 speaks HTTP/2. The two messages of the service are a few bytes and are written and read here.
"""

from __future__ import annotations

import importlib.util
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from watchdog.model.records import record
from watchdog.system.net.connect import Problem, connect, explain, left, short

if TYPE_CHECKING:
    from h2.connection import H2Connection

NOT_INSTALLED = "the package h2 is not installed, so no gRPC server can be asked: pip install 'wd-oncall[grpc]'"
SERVING = "SERVING"
_STATES = ("UNKNOWN", SERVING, "NOT_SERVING", "SERVICE_UNKNOWN")
_OK, _NOT_FOUND, _UNIMPLEMENTED = "0", "5", "12"  # status codes of gRPC
_MOST = 65_536  # bytes of an answer
_PATH = "/grpc.health.v1.Health/Check"
_NOBODYS = "/wd.Nobody/Asks"  # a method that no server has


@record(frozen=True)
class Health:
    """What came back within the deadline. Either a state or a problem is there."""

    state: str = ""  # one of _STATES
    seconds: float = 0.0
    problem: Problem = ""
    detail: str = ""


def available() -> bool:
    return importlib.util.find_spec("h2") is not None


def ask(host: str, port: int, *, timeout: float, service: str = "") -> Health:
    """Ask once; never raises. An empty service means the whole server."""
    begun = time.monotonic()
    if not available():
        return Health(problem="local", detail=NOT_INSTALLED)
    try:
        with connect(host, port, begun + timeout) as sock:
            found = _judged(_call(sock, f"{host}:{port}", _PATH, service, begun + timeout), service)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is explained
        problem, detail = explain(error)
        found = Health(problem=problem, detail=f"not gRPC: {short(error)}" if problem == "other" else detail)
    return replace(found, seconds=time.monotonic() - begun)


def tells_methods_apart(host: str, port: int, *, timeout: float) -> bool:
    """Whether it says of a method that it does not have it. Where one handler takes every method, a question to the
    health service may open a call of another kind, and silence says nothing."""
    end = time.monotonic() + timeout
    try:
        with connect(host, port, end) as sock:
            found = _call(sock, f"{host}:{port}", _NOBODYS, "", end)
    except Exception:  # noqa: BLE001 - for whatever reason: it did not say so
        return False
    return found.headers.get("grpc-status") == _UNIMPLEMENTED


@record
class _Answer:
    headers: dict[str, str]
    data: bytes = b""
    ended: bool = False


def _call(sock: socket.socket, authority: str, path: str, service: str, end: float) -> _Answer:
    from h2.config import H2Configuration
    from h2.connection import H2Connection

    talk = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    talk.initiate_connection()
    head = {":method": "POST", ":scheme": "http", ":authority": authority, ":path": path}
    head |= {"te": "trailers", "content-type": "application/grpc", "user-agent": "wd"}
    stream = talk.get_next_available_stream_id()
    talk.send_headers(stream, list(head.items()))
    talk.send_data(stream, _request(service), end_stream=True)
    answer, seen = _Answer({}), 0
    while not answer.ended:
        sock.settimeout(left(end))
        sock.sendall(talk.data_to_send())
        received = sock.recv(_MOST)
        seen += len(received)
        if not received or seen > _MOST:
            raise ConnectionResetError(104, "closed without an answer") if not received else ValueError("too long")
        for event in talk.receive_data(received):
            _take(talk, event, answer)
    return answer


def _take(talk: H2Connection, event: Any, answer: _Answer) -> None:
    """Part of an answer: headers, trailers, data, or its end."""
    from h2 import events

    if isinstance(event, events.ResponseReceived | events.TrailersReceived):
        answer.headers |= {str(name): str(value) for name, value in event.headers or ()}
    elif isinstance(event, events.DataReceived):
        answer.data += event.data or b""
        talk.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 1)
    elif isinstance(event, events.StreamReset | events.ConnectionTerminated):
        raise ConnectionResetError(104, "it ended the call")
    elif isinstance(event, events.StreamEnded):
        answer.ended = True


def _request(service: str) -> bytes:
    """HealthCheckRequest: field 1 is the service. In front the frame of gRPC: not compressed, the length."""
    name = service.encode()[:100]
    message = b"\x0a" + bytes([len(name)]) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _judged(answer: _Answer, service: str) -> Health:
    status = answer.headers.get("grpc-status", "")
    if status == _OK and (state := _state(answer.data)):
        return Health(state)
    if status == _UNIMPLEMENTED:
        return Health(problem="local", detail="it has no health service (grpc.health.v1)")
    if status == _NOT_FOUND:
        return Health("SERVICE_UNKNOWN", detail=f"it knows no service {service!r}")
    if status:
        return Health(
            problem="other", detail=f"gRPC status {status[:3]}: {answer.headers.get('grpc-message', '')[:100]}"
        )
    return Health(problem="other", detail=f"not gRPC: HTTP status {answer.headers.get(':status', '?')[:3]}")


def _state(data: bytes) -> str:
    """HealthCheckResponse: field 1 is the state; an empty message is its first value."""
    message = data[5 : 5 + int.from_bytes(data[1:5], "big")]
    number = message[1] if len(message) >= 2 and message[0] == 0x08 else 0
    return _STATES[number] if len(data) >= 5 and number < len(_STATES) else ""
