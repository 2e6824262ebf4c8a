"""Whether a Python program may speak HTTP: what it has imported tells, where its command and script do not."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from watchdog.model.process import Process
from watchdog.system.process import rights
from watchdog.targets import frameworks

_SECONDS = 2.0  # for reading the memory, in a child that can be ended
_SOURCE = 262_144  # bytes of a file that are read
# Whatever serves HTTP has one of them: servers, and the parsers that others are built on.
_SERVE_HTTP = frozenset({
    "aiohttp", "autobahn", "bjoern", "blacksheep", "bottle", "cheroot", "cherrypy", "daphne", "dash", "django",
    "engineio", "eventlet.wsgi", "falcon", "fastwsgi", "flask", "gevent.pywsgi", "gradio", "granian", "gunicorn",
    "h11", "h2", "http.server", "httptools", "hypercorn", "japronto", "meinheld", "mitmproxy", "netius",
    "paste.httpserver", "picows", "prometheus_client", "pyramid", "robyn", "sanic", "simple_websocket", "socketify",
    "starlette", "streamlit", "tornado.http1connection", "tornado.httpserver", "twisted.web", "uvicorn", "uwsgi",
    "vibora", "waitress", "websockets", "werkzeug", "ws4py", "wsgiref.simple_server", "wsproto",
})  # fmt: skip

# Of these what a program also loads that only asks others by HTTP, or shows its metrics on another port.
_ALSO_CLIENTS = frozenset(
    {"aiohttp", "autobahn", "engineio", "h11", "h2", "httptools", "websockets", "ws4py", "wsproto"}
)
_METRICS = "prometheus_client"
_Loaded = tuple[tuple[str, ...], tuple[str, ...]]


def may_speak_http(process: Process) -> bool:
    """False only where its memory shows that no library for HTTP is loaded, and no file of its own names it."""
    loaded, own = _imported(process) or ((), ())
    return bool(loaded) or not own or _names_it(process, own)


def speaks_http(process: Process) -> bool:
    """True only where its memory shows a server for HTTP, and one of its own files names what goes with it."""
    loaded, own = _imported(process) or ((), ())
    return _METRICS not in loaded and not _ALSO_CLIENTS.issuperset(loaded) and _names_it(process, own)


def _imported(process: Process) -> _Loaded | None:
    """Which libraries for HTTP it has loaded, and the files of its own modules; None where that cannot be read."""
    from watchdog.system.process import memory  # here and below: the command line tells of most servers

    return _together.ask(process.pid) if memory.READABLE else None


class _Together:
    """Threads that ask at the same time share one child: those that come while it reads are answered by the next."""

    def __init__(self) -> None:
        self._waiting: deque[_Question] = deque()
        self._turn = threading.Lock()

    def ask(self, pid: int) -> _Loaded | None:
        asked = _Question(pid)
        self._waiting.append(asked)
        with self._turn:
            if not asked.is_over:
                self._read_for_all()
        # One process whose memory cannot be read in time must not take the answers of the others away.
        return _read([pid]).get(pid) if asked.is_lost else asked.found

    def _read_for_all(self) -> None:
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        found = _read([one.pid for one in batch])
        for one in batch:
            one.found, one.is_over = found.get(one.pid), True
            one.is_lost = not found and len(batch) > 1


class _Question:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.found: _Loaded | None = None
        self.is_over = self.is_lost = False


_together = _Together()


def _read(pids: Sequence[int]) -> dict[int, _Loaded]:
    from watchdog.system.child import child_call

    answer = child_call.call("watchdog.cpython.modules:read_all", (tuple(pids), _SERVE_HTTP), _SECONDS)
    return answer if isinstance(answer, dict) else {}


def _names_it(process: Process, own: tuple[str, ...]) -> bool:
    from watchdog.system.disk.target_files import read_files

    read = read_files(rights.of(process.pid), list(own), _SOURCE)
    return any(
        part.error is not None or frameworks.names_the_web(part.data.decode("utf-8", "replace"))
        for part in read.values()
    )
