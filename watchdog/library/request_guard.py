"""Bounds the time of a request and leaves a note of what is running. One file, standard library only (Python 3.8+).

Put it into the project that is to be guarded (`wd guard --to FILE` writes it) and wrap the application:

    app = GuardASGI(app, seconds=30)        # FastAPI, Starlette, Quart, Django's asgi.py …
    app = GuardWSGI(app, seconds=30)        # Flask, Django's wsgi.py …
    @bounded(30)                            # a function, synchronous or not: raises RequestTimeout

A request that has not begun to answer in time gets a 504; an answer that has begun is left alone unless `whole=True`.
An ASGI application is cancelled then. A thread cannot be ended from outside: it goes on, noted, and once `most_left`
of them are left behind, further requests get a 503. While the event loop itself is blocked nobody can answer; the note
still tells what runs.

The notes stand in a small file that is mapped into memory, so `wd why :PORT` reads them even when the process hangs.
On Linux the file has no name; with `$WD_GUARD_DIR`, and elsewhere, it is `wd-guard-PID.notes`, for its owner only.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import functools
import inspect
import mmap
import os
import queue
import struct
import sys
import sysconfig
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

MAGIC = b"wdguard1"
HEADER = struct.Struct("<8sIII4x")  # magic, pid, number of slots, size of a slot
SLOT = struct.Struct("<B7xddQ304s200s")  # state, begun (epoch), seconds allowed, thread, what, where
FREE, RUNNING, OVERDUE = 0, 1, 2
NAME, ENDING = "wd-guard-", ".notes"
_SLOTS = 128
_LOOKS = 0.5  # seconds between two looks for requests that are overdue
_BODY = b'{"error": "the request took too long and was given up"}\n'
_BUSY = b'{"error": "too many requests are stuck; try again later"}\n'
_LIBRARIES = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})


class RequestTimeout(TimeoutError):
    """The time of a bounded function is over."""


class Notes:
    """The file of one process: a slot for each request that runs. Losing a note never costs a request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._map: mmap.mmap | None = None
        self._failed = False
        self._running: dict[int, tuple[float, Any]] = {}  # slot: (end on the monotonic clock, thread or task)

    def begin(self, what: str, seconds: float, runner: Any) -> int:
        """Note a request; the number of its slot, or -1 if there is no room or no file."""
        with self._lock:
            notes = self._opened()
            slot = next((slot for slot in range(_SLOTS) if slot not in self._running), -1)
            if notes is None or slot < 0:
                return -1
            self._running[slot] = (time.monotonic() + seconds, runner)
            thread = runner if isinstance(runner, int) else threading.get_ident()
            text = what.encode("utf-8", "backslashreplace")[:304]
            SLOT.pack_into(notes, self._at(slot), FREE, time.time(), seconds, thread, text, b"")
            notes[self._at(slot)] = RUNNING  # last: a reader may look at any moment
            return slot

    def end(self, slot: int) -> None:
        with self._lock:
            if self._running.pop(slot, None) is not None and self._map is not None:
                self._map[self._at(slot)] = FREE

    def forked(self) -> None:
        """In a new child: the parent's file is not ours."""
        self._lock = threading.Lock()
        self._map, self._failed = None, False
        self._running = {}

    def _at(self, slot: int) -> int:
        return HEADER.size + slot * SLOT.size

    def _opened(self) -> mmap.mmap | None:
        if self._map is None and not self._failed:
            try:
                named = os.environ.get("WD_GUARD_DIR")
                path = Path(named or tempfile.gettempdir(), f"{NAME}{os.getpid()}{ENDING}")
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()  # of an earlier process with this number
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
                with os.fdopen(os.open(path, flags, 0o600), "r+b") as file:
                    file.truncate(HEADER.size + _SLOTS * SLOT.size)
                    # The map keeps a descriptor open: through it wd finds the file, wherever it stands. Where that
                    # works, the name is not needed and goes at once: no killed process leaves a file behind.
                    self._map = mmap.mmap(file.fileno(), 0)
                if sys.platform == "linux" and not named:
                    path.unlink()
                else:
                    atexit.register(_remove, path, os.getpid())
                HEADER.pack_into(self._map, 0, MAGIC, os.getpid(), _SLOTS, SLOT.size)
                threading.Thread(target=self._watch, name="wd-guard", daemon=True).start()
            except (OSError, RuntimeError, ValueError):
                self._failed = True  # no notes then: the bound on time holds all the same
        return self._map

    def _watch(self) -> None:
        """Writes down where the overdue requests stand."""
        pid = os.getpid()
        while os.getpid() == pid:
            time.sleep(_LOOKS)
            with self._lock:
                late = [(slot, one[1]) for slot, one in self._running.items() if one[0] < time.monotonic()]
            for slot, runner in late:
                where = _where(runner).encode("utf-8", "backslashreplace")[:200]
                with self._lock:
                    if self._map is not None and self._running.get(slot, (0, None))[1] is runner:
                        at = self._at(slot)
                        self._map[at + SLOT.size - 200 : at + SLOT.size] = where.ljust(200, b"\0")
                        self._map[at] = OVERDUE


NOTES = Notes()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=NOTES.forked)


def _remove(path: Path, pid: int) -> None:
    if os.getpid() == pid:
        with contextlib.suppress(OSError):
            path.unlink()


def _where(runner: Any) -> str:
    """The place in the program's own code where a thread or task stands."""
    if isinstance(runner, int):
        return _place(sys._current_frames().get(runner))
    task, thread = runner
    coroutine, found = task.get_coro(), ""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None)
        if frame is None:
            break
        if getattr(coroutine, "cr_running", False):  # it blocks the loop: the calls tell more
            return _place(sys._current_frames().get(thread))
        if not frame.f_code.co_filename.startswith(_LIBRARIES) or not found:
            found = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        coroutine = getattr(coroutine, "cr_await", None)
    return found


def _place(frame: FrameType | None) -> str:
    innermost = frame
    while frame is not None and (
        frame.f_code.co_filename.startswith((*_LIBRARIES, "<frozen")) or frame.f_code.co_filename == __file__
    ):
        frame = frame.f_back
    found = frame or innermost
    return f"{found.f_code.co_filename}:{found.f_lineno} in {found.f_code.co_name}" if found is not None else ""


class GuardASGI:
    """An ASGI application with a bound on the time of each HTTP request."""

    def __init__(self, app: Any, seconds: float = 30.0, whole: bool = False) -> None:
        self.app, self.seconds, self.whole = app, seconds, whole

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = {"begun": False, "closed": False}

        async def pass_on(message: Any) -> None:
            if not state["closed"]:
                state["begun"] = True
                await send(message)

        task = asyncio.ensure_future(self.app(scope, receive, pass_on))
        query = scope.get("query_string", b"").decode("latin-1")
        what = f"{scope['method']} {scope['path']}{'?' + query if query else ''}"
        slot = NOTES.begin(what, self.seconds, (task, threading.get_ident()))
        task.add_done_callback(lambda _: NOTES.end(slot))
        try:
            done, _ = await asyncio.wait({task}, timeout=self.seconds)
            if not done and state["begun"] and not self.whole:
                done, _ = await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            task.result()
            return
        state["closed"] = True
        task.cancel()
        if not state["begun"]:
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
            await send({"type": "http.response.start", "status": 504, "headers": headers})
            await send({"type": "http.response.body", "body": _BODY})


class GuardWSGI:
    """A WSGI application with a bound on the time of each request; each runs in its own thread."""

    def __init__(self, app: Any, seconds: float = 30.0, whole: bool = False, most_left: int = 20) -> None:
        self.app, self.seconds, self.whole, self.most_left = app, seconds, whole, most_left
        self.left: set[_Call] = set()  # given up, and still running

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.left = {call for call in self.left if call.thread.is_alive()}
        if len(self.left) >= self.most_left:
            return _refuse(start_response, "503 Service Unavailable", _BUSY)
        call = _Call(self.app, environ, self.seconds)
        try:
            first = call.pieces.get(timeout=self.seconds)
        except queue.Empty:
            call.given_up = True
            self.left.add(call)
            return _refuse(start_response, "504 Gateway Timeout", _BODY)
        if isinstance(first, BaseException):
            raise first
        start_response(*call.head)
        return self._rest(call, first)

    def _rest(self, call: _Call, piece: Any) -> Any:
        try:
            while piece is not None:
                yield piece
                limit = max(0.0, call.end - time.monotonic()) if self.whole else None
                piece = call.pieces.get(timeout=limit)
                if isinstance(piece, BaseException):
                    raise piece
        except queue.Empty:
            self.left.add(call)
        finally:
            call.given_up = True


class _Call:
    """One call of a WSGI application in its own thread, its answer piece by piece; None is the end."""

    def __init__(self, app: Any, environ: Any, seconds: float) -> None:
        self.given_up = False
        self.end = time.monotonic() + seconds
        self.head: tuple[Any, ...] = ()
        self.pieces: queue.Queue[Any] = queue.Queue(8)
        environ = {**environ, "wsgi.input": _Input(environ["wsgi.input"], self)}
        context = contextvars.copy_context()
        self.thread = threading.Thread(target=context.run, args=(self._run, app, environ, seconds), daemon=True)
        self.thread.start()

    def _run(self, app: Any, environ: Any, seconds: float) -> None:
        query = environ.get("QUERY_STRING", "")
        what = f"{environ.get('REQUEST_METHOD', '?')} {environ.get('PATH_INFO', '')}{'?' + query if query else ''}"
        slot = NOTES.begin(what, seconds, threading.get_ident())
        try:
            answer = app(environ, self._start)
            try:
                for piece in answer:
                    self._put(piece)
            finally:
                if hasattr(answer, "close"):
                    answer.close()
            self._put(b"")  # an answer without a body must still send its head
            self._put(None)
        except _GivenUp:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again in the server's own thread
            with contextlib.suppress(_GivenUp):
                self._put(error)
        finally:
            NOTES.end(slot)

    def _start(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        self.head = (status, headers, exc_info) if exc_info else (status, headers)
        return self._put

    def _put(self, piece: Any) -> None:
        while not self.given_up:
            try:
                self.pieces.put(piece, timeout=0.2)
                return
            except queue.Full:
                continue
        raise _GivenUp


class _GivenUp(Exception):
    """Ends the thread of a request that nobody waits for any more."""


class _Input:
    """A request's body. Once its request is given up the connection belongs to the next one: nothing more is read."""

    def __init__(self, stream: Any, call: _Call) -> None:
        self._stream, self._call = stream, call

    def __getattr__(self, name: str) -> Any:
        if self._call.given_up:
            raise OSError("the request was given up")
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self.__getattr__("__iter__")())


def _refuse(start_response: Any, status: str, body: bytes) -> list[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def bounded(seconds: float) -> Any:
    """A decorator: the function raises RequestTimeout after this time. A synchronous one runs in its own thread,
    which cannot be ended: it goes on, and is noted."""

    def wrap(function: Any) -> Any:
        name = f"{function.__module__}.{function.__qualname__}"

        @functools.wraps(function)
        async def asynchronous(*args: Any, **kwargs: Any) -> Any:
            task = asyncio.ensure_future(function(*args, **kwargs))
            slot = NOTES.begin(name, seconds, (task, threading.get_ident()))
            task.add_done_callback(lambda _: NOTES.end(slot))
            try:
                return await asyncio.wait_for(task, seconds)
            except asyncio.TimeoutError:  # noqa: UP041 - another class before 3.11
                raise RequestTimeout(f"{name} took longer than {seconds:g} s") from None

        @functools.wraps(function)
        def synchronous(*args: Any, **kwargs: Any) -> Any:
            answer: queue.Queue[Any] = queue.Queue(1)
            context = contextvars.copy_context()

            def run() -> None:
                slot = NOTES.begin(name, seconds, threading.get_ident())
                try:
                    answer.put((context.run(function, *args, **kwargs), None))
                except BaseException as error:  # noqa: BLE001 - it is raised again where the function was called
                    answer.put((None, error))
                finally:
                    NOTES.end(slot)

            threading.Thread(target=run, name=f"bounded {name}", daemon=True).start()
            try:
                result, error = answer.get(timeout=seconds)
            except queue.Empty:
                raise RequestTimeout(f"{name} took longer than {seconds:g} s") from None
            if error is not None:
                raise error
            return result

        return asynchronous if inspect.iscoroutinefunction(function) else synchronous

    return wrap
