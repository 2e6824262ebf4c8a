"""The bytes between the host and the present child, both ways at once, and what they mean.

Everything here runs in the event loop and never waits. Whatever is found wrong is put into `fault`, and `wake` is
called; what is done about it is decided in `life.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Collection
from typing import Any

from watchdog.sidecar import framing, messages
from watchdog.sidecar.conversation import Conversation, Request, cancels
from watchdog.sidecar.flow import Inlet, Outlet
from watchdog.sidecar.framing import Form, Framer, Piece
from watchdog.sidecar.handshake import Handshake
from watchdog.sidecar.messages import Message
from watchdog.sidecar.metrics import Metrics
from watchdog.sidecar.records import Fault
from watchdog.sidecar.settings import Settings
from watchdog.system.child.kept import HostStreams, KeptChild

_IN_A_ROW = 10  # broken messages after which the child is ended
_BACKOFF = 0.1  # seconds, times 2^min(n, 5)
_GOODBYE = ("exit", "shutdown")
_BROKEN_KEPT, _BROKEN_LENGTH = 100, 2000


def backoff(count: int) -> float:
    """Seconds of pause after so many errors in a row."""
    return _BACKOFF * float(2 ** min(count, 5))


class Traffic:
    """Two directions, each with its source, its framer and its bounded queue."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, settings: Settings, streams: HostStreams, wake: Callable[[], None]
    ) -> None:
        self._loop, self._settings, self._streams, self._wake = loop, settings, streams, wake
        self.metrics, self.conversation = Metrics(), Conversation()
        self.handshake = Handshake(settings.watch.replay, settings.watch.handshake)
        self.form: Form | None = None if settings.watch.framing == "auto" else settings.watch.framing
        self.fault: Fault | None = None
        self.host_over = False  # the host has closed its end
        self.host_left = False  # nobody reads what we write
        self.host_spoke = False
        self.said_goodbye = False  # the host has told the child to end
        self.closed_stream = ""
        self.child_closed = 0.0  # when the child closed one of its streams while it lived on; 0: it did not
        self.last_from_child = self.last_moved = loop.time()
        self.broken: deque[bytes] = deque(maxlen=_BROKEN_KEPT)
        self._rpc = False
        self._crowded = False  # a message that may not be dropped came while the queue was full
        self._failed: set[str] = set()  # ids for which the host got an error of ours
        self._errors = 0  # broken messages of the child in a row
        self._early = bytearray()  # of a child that speaks before the form is known
        self._beginning = b""  # of a host, while it does not tell the form
        self._pausing: asyncio.TimerHandle | None = None
        self._host_framer: Framer | None = None
        self._child_framer: Framer | None = None
        self._child: KeptChild | None = None
        self._awaited: Message | None = None  # the answer to the replayed handshake
        self._swallowed = self.handshake.ids
        bound = settings.watch.queue
        self.to_host = Outlet(loop, bound, self._balance)
        self.to_child = Outlet(loop, bound, self._balance)
        self._to_new = Outlet(loop, bound, self._begin)  # the handshake, before the queue
        self._from_host = Inlet(loop, self._host_bytes, self._host_end)
        self._from_child = Inlet(loop, self._child_bytes, self._child_end)
        self._terminal = messages.TERMINAL | set(settings.watch.terminal)
        self._lossy = frozenset(settings.watch.lossy)
        self.to_host.attach(streams.writing, self._host_broken, streams.write)
        self._from_host.attach(streams.reading)

    # The child comes and goes

    def connect(self, child: KeptChild, *, again: bool) -> None:
        """Take a new child. `again`: it follows another, and hears the handshake first."""
        self._child, self._errors, self.child_closed, self.fault = child, 0, 0.0, None
        self._failed.clear()
        self._child_framer = framing.framer(self.form, self._most) if self.form else None
        self.last_from_child = self._loop.time()
        self.conversation.begin_again(self._loop.time())
        first, self._awaited = self.handshake.first(self.form) if again else (b"", None)
        if first:
            self._to_new.attach(child.stdin, self._child_broken)
            if self._awaited is not None and self.handshake.answered:
                self.conversation.asked(self._awaited, self._loop.time(), ours=True)
            self._to_new.put(first)
            self._to_new.flush()
            self._begin()
        else:
            self.to_child.attach(child.stdin, self._child_broken)
            self.to_child.flush()
        self._from_child.attach(child.stdout)
        self._balance()

    def _begin(self) -> None:
        """The handshake is written and answered: now the messages of the host."""
        if self._child is None or self._awaited is not None or not self._to_new.empty:
            return
        if then := self.handshake.then:
            self._to_new.put(then)
            self._to_new.flush()
        self._to_new.detach()
        self.to_child.attach(self._child.stdin, self._child_broken)
        self.to_child.flush()
        self._balance()

    def fail_lost(self, text: str, kind: str, *, keep_handshake: bool) -> None:
        """The child is given up: take its last bytes, and tell the host which requests it will not answer.

        With `keep_handshake` the host's `initialize` goes to the next child: the host still waits for its answer.
        """
        lost = [one for one in self._disconnect() if not one.ours]
        first = [one for one in lost if keep_handshake and self.handshake.is_first(one.message) and not one.cancelled]
        for one in first:
            self.handshake.lost = True
            self.conversation.asked(one.message, one.asked)
        self.fail([one for one in lost if one not in first], text, kind)

    def _disconnect(self) -> list[Request]:
        """From here on nothing goes to this child and nothing comes from it; the requests that it had been sent."""
        if self._child is None:
            return []
        self._from_child.drain()
        self._from_child.detach()
        self._child, self._awaited = None, None
        for line in bytes(self._early).splitlines():
            self._keep_broken(line)
        self._early.clear()
        if self._child_framer is not None:
            self._keep_broken(self._child_framer.rest())
            self.to_host.put(self._child_framer.padding())
            self.to_host.flush()
            self._child_framer = None
        self._to_new.detach()
        unsent = {id(one) for owners in self.to_child.detach() for one in owners}
        return self.conversation.child_is_gone(unsent)

    def has_told_all(self) -> bool:
        """Whether the host is done and the child has taken all of it; then nothing more is written to it."""
        if not self.host_over or not self.to_child.empty or not self.to_child.attached:
            return False
        self.to_child.detach()
        return True

    def fail(self, lost: Collection[Request], text: str, kind: str) -> None:
        """An error to the host for each request that will not be answered."""
        for one in lost:
            if not one.cancelled and not one.ours:
                self._tell_host(messages.error_answer(one.message, messages.ENDED, text, fault=kind))
            if one.message.id is not None:
                self._failed.add(one.message.id)
        self.to_host.flush()

    def notice(self, text: str) -> None:
        """Something for the user of the host that belongs to no request."""
        if self._rpc:
            self._tell_host(messages.notice(self.form or "lines", text))
            self.to_host.flush()

    @property
    def may_ping(self) -> bool:
        """Whether the session has begun, in JSON-RPC, and nothing is asked at this moment."""
        return self._rpc and self._child is not None and self.handshake.answered and not len(self.conversation)

    def ping(self, number: str) -> None:
        """Ask an MCP server whether it is there."""
        value = {"jsonrpc": "2.0", "id": number, "method": "ping"}
        message = Message("request", json.dumps(number), "ping", True)
        request = self.conversation.asked(message, self._loop.time(), ours=True)
        self.to_child.put(framing.encode(self.form or "lines", value), (request,))
        self.to_child.flush()

    def _tell_host(self, value: dict[str, Any]) -> None:
        if self.form != "raw":
            self.to_host.put(framing.encode(self.form or "lines", value))

    @property
    def stuck_for(self) -> float:
        """Seconds for which both directions are full and nothing moves."""
        if self.to_child.empty or self.to_host.empty:
            return 0.0
        return self._loop.time() - max(self.to_child.moved, self.to_host.moved)

    @property
    def unread_for(self) -> float:
        """Seconds for which the child has taken nothing of what waits for it."""
        return 0.0 if self.to_child.empty or self._child is None else self._loop.time() - self.to_child.moved

    # Host to child

    def _host_bytes(self, data: bytes) -> None:
        self.metrics.bytes_sent += len(data)
        self.last_moved = self._loop.time()
        self.host_spoke = True
        if self.form is None:
            data = self._beginning + data
            self._beginning = data
            if (form := framing.detect(data)) is None:
                return
            self._beginning = b""
            self._set_form(form)
        if self._host_framer is None:
            self._host_framer = framing.framer(self.form or "lines", self._most)
        for piece in self._host_framer.feed(data):
            self._host_piece(piece)
        self.to_child.flush()
        self.to_host.flush()
        self._balance()

    def _set_form(self, form: Form) -> None:
        self.form = form
        early, self._early = bytes(self._early), bytearray()
        if self._child is not None:
            self._child_framer = framing.framer(form, self._most)
        if early:
            self._child_feed(early)

    @property
    def _most(self) -> int:
        """The largest message that is held whole."""
        return self._settings.watch.queue

    def _host_piece(self, piece: Piece) -> None:
        if piece.kind == "broken":
            self.metrics.parse_errors += 1
            self._keep_broken(piece.data)
            if self._rpc:
                unread = Message("request", None, "", True)
                self._tell_host(messages.error_answer(unread, -32700, "this message is not JSON: it was not passed on"))
            return
        if piece.kind != "message":
            self.metrics.sent += piece.kind == "part" and piece.last
            self.to_child.put(piece.data)
            return
        found = messages.read(piece.value, from_host=True, terminal=self._terminal)
        self._rpc = self._rpc or any(one.rpc for one in found)
        if found and found[0].sort == "answer" and not self.conversation.answered_by_host(found[0].id):
            return  # the answer to a question of a child that is gone
        requests = tuple(self._asked(one) for one in found if one.sort == "request")
        if self.to_child.full and found and all(one.method in self._lossy for one in found):
            self._drop(requests)
            return
        self.said_goodbye = self.said_goodbye or any(one.method in _GOODBYE for one in found)
        self.conversation.cancelled(cancels(piece.value))
        self.handshake.went_by(found, piece.data)
        self.metrics.sent += 1
        self._crowded = self.to_child.full  # read on for messages that may be dropped only, and this is none
        self.to_child.put(piece.data, requests)

    def _asked(self, message: Message) -> Request:
        self.metrics.requests += 1
        return self.conversation.asked(message, self._loop.time())

    def _drop(self, requests: Collection[Request]) -> None:
        self.metrics.dropped += 1
        for one in requests:
            self.conversation.drop(one)
        self.fail(requests, "the queue is full and this method is declared lossy: it was dropped", "dropped")

    def _host_end(self) -> None:
        self.host_over = True
        if self._beginning:  # too short to tell what it is
            self._set_form("raw")
            self.to_child.put(self._beginning)
            self.to_child.flush()
        if self._host_framer is not None and (rest := self._host_framer.rest()):
            self._keep_broken(rest)
        self._wake()

    def _host_broken(self, error: OSError) -> None:
        self.metrics.ipc_errors += 1
        self.host_left = True
        self._wake()

    # Child to host

    def _child_bytes(self, data: bytes) -> None:
        self.metrics.bytes_received += len(data)
        self.last_from_child = self.last_moved = self._loop.time()
        if self.form is None:
            self._early += data
            if framing.detect(bytes(self._early[:64])) in (None, "raw") and len(self._early) < self._most:
                return
            form = framing.detect(bytes(self._early[:64])) or "lines"
            self._set_form("lines" if form == "raw" else form)
            return
        self._child_feed(data)

    def _child_feed(self, data: bytes) -> None:
        if self._child_framer is None:
            self._child_framer = framing.framer(self.form or "lines", self._most)
        for piece in self._child_framer.feed(data):
            if self.fault is not None:  # nothing of a child that was given up is passed on
                return
            self._child_piece(piece)
        self.to_host.flush()
        self._balance()

    def _child_piece(self, piece: Piece) -> None:
        if piece.kind == "broken":
            self._child_error(piece.data)
            return
        if piece.kind == "message":
            self._no_error()
            found = messages.read(piece.value, from_host=False, terminal=self._terminal)
            for_wd = [self._is_for_wd(one) for one in found]
            if found and all(for_wd):
                return
        self.metrics.received += piece.kind == "message" or (piece.kind == "part" and piece.last)
        self.to_host.put(piece.data)

    def _is_for_wd(self, message: Message) -> bool:
        """Whether the host must not see it: an answer to a question of ours, or one that comes after our error."""
        request = self.conversation.heard(message, self._loop.time())
        if request is not None:
            if self._awaited is not None and request.message is self._awaited:
                self._awaited = None
                self._loop.call_soon(self._begin)
            if request.ours:
                return True
            if self.handshake.is_first(request.message) and not message.failed:
                self.handshake.answered = True
            self.metrics.answered(self._loop.time() - request.asked)
            return False
        if message.sort == "answer" and message.id is not None and message.id in (self._failed | self._swallowed):
            self.metrics.late_answers += 1
            return True
        return False

    def _child_error(self, data: bytes) -> None:
        """Ten in a row end the child; until then each is followed by a longer pause."""
        self._errors += 1
        self.metrics.parse_errors += 1
        self._keep_broken(data)
        if self._errors >= _IN_A_ROW:
            self.set_fault("garbage", f"{self._errors} broken messages in a row on its standard output")
        if self._pausing is not None:
            self._pausing.cancel()
        self._pausing = self._loop.call_later(backoff(self._errors), self._end_pause)

    def _no_error(self) -> None:
        self._errors = 0
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None

    def _end_pause(self) -> None:
        self._pausing = None
        self._balance()

    def _child_end(self) -> None:
        self.child_closes("standard output")

    def _child_broken(self, error: OSError) -> None:
        self.metrics.ipc_errors += 1
        self.child_closes("standard input")

    def child_closes(self, stream: str) -> None:
        """It may be about to end: `life.py` waits a moment before that is a fault."""
        self.child_closed = self.child_closed or self._loop.time()
        self.closed_stream = stream
        self._wake()

    def set_fault(self, kind: str, told: str) -> None:
        if self.fault is None:
            self.fault = Fault(kind, told)
            self._wake()

    def _keep_broken(self, data: bytes) -> None:
        if data:
            self.broken.append(data[:_BROKEN_LENGTH])

    def _balance(self) -> None:
        """A full queue stops the reading of its source, and nothing else."""
        waits = self.to_child.full and (self._crowded or not self._lossy)
        self._from_host.allow(not self.host_over and not waits)
        self._from_child.allow(not self.to_host.full and self._pausing is None)
        if self.host_over and self.to_child.empty:
            self._wake()
