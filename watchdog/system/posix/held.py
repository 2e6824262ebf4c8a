"""The listening sockets that a shim holds for its service, so that connections wait while the server is replaced.

They are opened once and go from shim to shim: the next one takes them over before the old server gets its first signal.
The old shim keeps its copies until the new one has started the server, and is on duty again if the new one dies before.
Servers get them from descriptor 3 on, with LISTEN_FDS and LISTEN_PID, as sd_listen_fds(3) of systemd describes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from watchdog.system.posix.birth import rights_of
from watchdog.system.shim import posts

FIRST = 3  # descriptor of the first socket in the server
_OUT_OF_THE_WAY = 64
_BACKLOG = 4096  # connections that may wait; the kernel's own limit (somaxconn) holds as well
_MOST = 16
_TALK = 1024


class HeldSockets:
    """Of one shim. Without addresses it holds nothing and does nothing."""

    def __init__(self, addresses: Sequence[str], folder: str) -> None:
        self._addresses, self._folder = tuple(addresses), folder
        self._sockets: list[socket.socket] = []
        self._post: socket.socket | None = None
        self._before: socket.socket | None = None  # to the shim from which they were taken over
        self._next: socket.socket | None = None  # from the shim that takes them over

    def __bool__(self) -> bool:
        return bool(self._sockets)

    @property
    def on_duty(self) -> bool:
        """Whether this shim starts the server again after its end: it holds the sockets, and no other one is at it."""
        return bool(self._sockets) and self._next is None

    @property
    def waits(self) -> bool:
        """Whether another shim has taken over, and has not said yet what came of it."""
        return self._next is not None

    @property
    def descriptors(self) -> tuple[int, ...]:
        return tuple(one.fileno() for one in self._sockets)

    @property
    def ports(self) -> frozenset[int]:
        return frozenset(one.getsockname()[1] for one in self._sockets if one.family != socket.AF_UNIX)

    def take_over(self, shim_pids: Iterable[int]) -> bool:
        """From the first of these shims that holds the same addresses; it stays on call until `started` or `cancel`."""
        # First known as a shim that holds, then a holder: nobody may take it for a part of the server in between.
        self._open_post()
        for pid in shim_pids if self._post else ():
            caller = _call(self._folder, pid)
            if caller is None:
                continue
            with contextlib.suppress(OSError, ValueError):
                caller.sendall(b'{"word": "take"}\n')
                text, descriptors, _, _ = socket.recv_fds(caller, _TALK, _MOST)
                found = [socket.socket(fileno=one) for one in descriptors]
                if found and json.loads(text) == list(self._addresses):
                    self._sockets, self._before = found, caller
                    return True
                for one in found:
                    one.close()
            caller.close()
        return False

    def open(self, user: str | None) -> None:
        """Open what is not held yet. OSError if an address is taken. `user`: the owner of a local socket's file."""
        if self._sockets:
            return
        with contextlib.suppress(OSError):  # a full disk: the server comes first; the next shim opens its own sockets
            self._open_post()
        found: list[socket.socket] = []
        try:
            for address in self._addresses:
                found.append(_listening(address, user))
        except BaseException:
            for one in found:
                one.close()
            raise
        self._sockets = found

    def started(self) -> None:
        """The server runs on these sockets now: the shim before has no part in it any more."""
        self._tell("started")

    def cancel(self) -> None:
        """Nothing was started. The shim before goes on if its server lives, and lets go if not."""
        self._tell("cancel")
        self.close()

    def listened_to(self) -> tuple[int, ...]:
        """Descriptors to wait for: see `hear`."""
        found = (self._post, self._next)
        return tuple(one.fileno() for one in found if one is not None)

    def hear(self, ready: Iterable[int], server_lives: Callable[[], bool]) -> None:
        """Take what others say. `server_lives` is asked when the next shim has given up."""
        for descriptor in ready:
            if self._post is not None and descriptor == self._post.fileno():
                self._accept()
            elif self._next is not None and descriptor == self._next.fileno():
                self._hear_the_next(server_lives)

    def close(self) -> None:
        """Give the addresses up. The server keeps what it has inherited."""
        for one in (*self._sockets, self._next, self._before, self._post):
            if one is not None:
                one.close()
        if self._post is not None:
            posts.path(self._folder, os.getpid()).unlink(missing_ok=True)
        self._sockets, self._post, self._next, self._before = [], None, None, None

    def _open_post(self) -> None:
        """Be reachable for the next shim, and for a wd that wants the addresses free. OSError on a full disk."""
        if not self._addresses or self._post is not None:
            return
        posts.sweep(self._folder)
        place = posts.path(self._folder, os.getpid())
        post = socket.socket(socket.AF_UNIX)
        try:
            place.unlink(missing_ok=True)
            post.bind(str(place))
            post.listen(4)
        except BaseException:
            post.close()
            raise
        post.setblocking(False)
        self._post = post

    def _accept(self) -> None:
        assert self._post is not None
        with contextlib.suppress(OSError, ValueError):
            caller, _ = self._post.accept()
            caller.settimeout(1.0)
            word = json.loads(caller.recv(_TALK))["word"]
            if word == "take" and self._next is None:
                socket.send_fds(caller, [json.dumps(list(self._addresses)).encode()], self.descriptors)
                self._next = caller
                return
            if word == "release":
                self.close()
                caller.sendall(b'"released"\n')
            caller.close()

    def _hear_the_next(self, server_lives: Callable[[], bool]) -> None:
        assert self._next is not None
        try:
            text = self._next.recv(_TALK)
        except OSError:
            text = b""
        self._next.close()
        self._next = None
        if text.strip() == b"started" or (text and not server_lives()):
            self.close()

    def _tell(self, word: str) -> None:
        if self._before is not None:
            with contextlib.suppress(OSError):
                self._before.sendall(word.encode() + b"\n")
            self._before.close()
            self._before = None


def release(folder: str | Path, shim_pid: int) -> bool:
    """Let that shim give its addresses up; False if it held none."""
    caller = _call(folder, shim_pid)
    if caller is None:
        return False
    with caller, contextlib.suppress(OSError):
        caller.sendall(b'{"word": "release"}\n')
        return bool(caller.recv(_TALK))
    return False


def _call(folder: str | Path, shim_pid: int) -> socket.socket | None:
    """A connection to that shim; None if it holds nothing. What a killed shim left behind is removed."""
    place = posts.path(folder, shim_pid)
    caller = socket.socket(socket.AF_UNIX)
    caller.settimeout(5.0)
    try:
        caller.connect(str(place))
    except ConnectionRefusedError:
        place.unlink(missing_ok=True)
    except OSError:
        pass
    else:
        return caller
    caller.close()
    return None


def handing_over(descriptors: Sequence[int], command: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    """What `subprocess.Popen` needs so that the server finds the sockets. Only in a process with one thread.

    LISTEN_PID is known after the fork only, so the environment is set there.
    """
    last = FIRST + len(descriptors)
    for number in range(FIRST, last):  # what Popen opens for itself must not lie where the sockets go
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC), number, inheritable=False)

    def in_child() -> None:
        moved = [fcntl.fcntl(one, fcntl.F_DUPFD, _OUT_OF_THE_WAY) for one in descriptors]
        for place, one in enumerate(moved):
            os.dup2(one, FIRST + place)
        os.environ.clear()
        os.environ.update({**env, "LISTEN_FDS": str(len(moved)), "LISTEN_PID": str(os.getpid())})

    found = shutil.which(command[0], path=env.get("PATH", os.defpath)) if "/" not in command[0] else None
    return {
        "env": None,
        "executable": found or command[0],
        "preexec_fn": in_child,
        "pass_fds": tuple(range(FIRST, last)),
    }


def _listening(address: str, user: str | None) -> socket.socket:
    if address.startswith("unix:"):
        return _local(Path(address.removeprefix("unix:")), user)
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)


def _local(path: Path, user: str | None) -> socket.socket:
    """With the rights of the service's user: root must not be led by a link in a folder of that user."""
    found = socket.socket(socket.AF_UNIX)
    try:
        with rights_of(user):
            before = os.umask(0o117)
            try:
                with contextlib.suppress(FileNotFoundError):
                    if stat.S_ISSOCK(path.lstat().st_mode):
                        path.unlink()
                found.bind(str(path))
            finally:
                os.umask(before)
        found.listen(_BACKLOG)
    except BaseException:
        found.close()
        raise
    return found
