"""What a thread or task was asked, where the variables of its frames show it: method and path, nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.cpython.objects import Objects

_LONGEST = 300
_PATHS = ("uri", "path", "raw_url", "_path")


def request_of(frames: Frames, calls: Iterable[LiveFrame]) -> str:
    """ "GET /api/users?page=2", from the first frame that tells; empty if none does."""
    for frame in calls:
        for name, read in (("scope", _asgi), ("environ", _wsgi), ("request", _object), ("self", _handler)):
            address = frames.variable(frame, name) if name in frame.code.names else None
            found = read(frames.objects, address) if address else ""
            if found:
                return found[:_LONGEST]
    return ""


def body_is_in(frames: Frames, calls: Iterable[LiveFrame]) -> bool:
    """Whether the server has the whole body of the request: its `receive` has an attribute `more_body`, which is False.

    uvicorn keeps it so (protocols/http, RequestResponseCycle).
    """
    for frame in calls:
        if frame.code.name == "receive" and "self" in frame.code.names and (cycle := frames.variable(frame, "self")):
            more = frames.objects.attribute(cycle, "more_body")
            if more:
                return frames.objects.kind(more) == "bool" and frames.objects.number(more) == 0
    return False


def _asgi(objects: Objects, scope: int) -> str:
    method, path = objects.lookup(scope, "method"), objects.lookup(scope, "path")
    query = objects.lookup(scope, "query_string")
    return _joined(_plain(objects, method), _plain(objects, path), _plain(objects, query))


def _wsgi(objects: Objects, environ: int) -> str:
    parts = (objects.lookup(environ, name) for name in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING"))
    return _joined(*(_plain(objects, part) for part in parts))


def _object(objects: Objects, request: int) -> str:
    method = _attribute(objects, request, "method") or _attribute(objects, request, "_method")
    if not method:
        return ""
    path = next((found for name in _PATHS if (found := _attribute(objects, request, name))), "")
    if not path:
        url = objects.attribute(request, "_rel_url")
        path = _attribute(objects, url, "_path") if url else ""
    return _joined(method, path, "")


def _handler(objects: Objects, handler: int) -> str:
    line = _attribute(objects, handler, "requestline")  # of http.server: "GET /path HTTP/1.1"
    if line:
        method, _, rest = line.partition(" ")
        return _joined(method, rest.partition(" ")[0], "")
    inner = objects.attribute(handler, "request")
    return _object(objects, inner) if inner else ""


def _attribute(objects: Objects, address: int, name: str) -> str:
    return _plain(objects, objects.attribute(address, name))


def _plain(objects: Objects, address: int | None) -> str:
    if not address:
        return ""
    text = objects.text(address)
    if text is None:
        raw = objects.raw(address)
        text = raw[:_LONGEST].decode("utf-8", "backslashreplace") if raw is not None else ""
    return text


def _joined(method: str, path: str, query: str) -> str:
    if not method.isalpha() or not path.startswith(("/", "*", "http")):
        return ""
    return f"{method} {path}?{query}" if query else f"{method} {path}"
