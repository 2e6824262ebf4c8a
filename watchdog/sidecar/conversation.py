"""Which requests have no answer yet, in both directions, and since when: pure, the time is given by the caller."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterator, Mapping

from watchdog.model.records import record
from watchdog.sidecar.messages import Id, Message

_REMEMBERED = 10_000  # ids of the child's own requests, at most
_NAMED = ("notifications/cancelled", "$/cancelRequest")


@record
class Request:
    """One request of the host that the child has not answered."""

    message: Message
    asked: float  # on the monotonic clock
    heard: float  # when the child last said something that belongs to it
    cancelled: bool = False  # the host waits no longer: no answer is owed, but silence still tells something
    told: bool = False  # that it is slow was told
    ours: bool = False  # a question of wd: its answer is not passed on

    __eq__ = object.__eq__  # two that look alike are two
    __hash__ = object.__hash__


class Conversation:
    """Requests by id; those without one in the order in which they were asked."""

    def __init__(self) -> None:
        self._by_id: dict[str, Request] = {}
        self._plain: deque[Request] = deque()
        self._answers_plain = False  # the child has answered a request without an id: it does answer such
        self._last_answer = 0.0
        self._of_child: dict[str, None] = {}  # requests of the child that the host has not answered
        self._stale: dict[str, None] = {}  # the same, of a child that is gone

    def __len__(self) -> int:
        return len(self._by_id) + len(self._plain)

    @property
    def pending(self) -> Iterator[Request]:
        yield from self._by_id.values()
        yield from self._plain

    def asked(self, message: Message, now: float, *, ours: bool = False) -> Request:
        request = Request(message, now, now, ours=ours)
        if message.id is None:
            self._plain.append(request)
        else:
            self._by_id[message.id] = request
        return request

    def cancelled(self, number: Id) -> None:
        """The host has cancelled it, or does not wait any more."""
        if number is not None and (found := self._by_id.get(number)):
            found.cancelled = True

    def heard(self, message: Message, now: float) -> Request | None:
        """What a message of the child answers; None for an event, and for an answer that nobody waits for."""
        if message.sort == "request":
            if message.id is not None and len(self._of_child) < _REMEMBERED:
                self._of_child[message.id] = None
            return None
        if message.sort == "answer":
            self._last_answer = now
            return self._by_id.pop(message.id, None) if message.id is not None else self._answered_plain(message)
        waits = [self._by_id[message.id]] if message.id in self._by_id else list(self._plain)
        for request in waits if message.sort == "event" else ():
            request.heard = now
        return None

    def _answered_plain(self, message: Message) -> Request | None:
        """A terminal event ends all that was asked so far; an answer without a name ends one request."""
        if not self._plain:
            return None
        self._answers_plain = True
        first = self._plain.popleft()
        if message.method:
            self._plain.clear()
        return first

    def answered_by_host(self, number: Id) -> bool:
        """Whether an answer of the host is for the present child; one for a child that is gone is not passed on."""
        if number is None:
            return True
        if number in self._stale and number not in self._of_child:
            del self._stale[number]
            return False
        self._of_child.pop(number, None)
        return True

    def child_is_gone(self, unsent: Collection[int]) -> list[Request]:
        """Take out all that the old child can answer no more: all but those whose `id()` is in `unsent`."""
        lost = [one for one in self.pending if id(one) not in unsent]
        self._by_id = {key: one for key, one in self._by_id.items() if id(one) in unsent}
        self._plain = deque(one for one in self._plain if id(one) in unsent)
        self._stale |= self._of_child
        self._of_child = {}
        return lost

    def drop(self, request: Request) -> None:
        """It was not sent: nobody will answer it."""
        if request.message.id is not None:
            self._by_id.pop(request.message.id, None)
        elif request in self._plain:
            self._plain.remove(request)

    def overdue(self, now: float, limits: Mapping[str, float], lead: float = 0.0) -> Request | None:
        """The request that is longest past its limit, or will be in `lead` seconds.

        A child that answers other requests meanwhile works: the one is slow, and the child is not stuck.
        """
        late = [(left, one) for one in self.pending if (left := self._left(one, now, limits)) <= lead]
        return min(late, key=lambda pair: pair[0])[1] if late else None

    def slow(self, now: float, limits: Mapping[str, float]) -> Request | None:
        """A request past its limit while others are answered, which was not told before."""
        for one in self.pending:
            if (
                not one.told
                and now - one.heard > limit_of(one.message.method, limits)
                and self._last_answer > one.asked
            ):
                one.told = True
                return one
        return None

    def _left(self, one: Request, now: float, limits: Mapping[str, float]) -> float:
        """Seconds until the silence of the child is as long as the request may take."""
        if one.message.id is None and not self._answers_plain:
            return float("inf")  # nothing proves that it wants an answer
        return max(one.heard, self._last_answer) + limit_of(one.message.method, limits) - now

    def left(self, now: float, limits: Mapping[str, float]) -> float | None:
        """Seconds until the next request is past its limit; None if nothing is asked."""
        return min((self._left(one, now, limits) for one in self.pending), default=None)

    def begin_again(self, now: float) -> None:
        """A new child: what it was not asked yet cannot be late."""
        for one in self.pending:
            one.heard = now


def limit_of(method: str, limits: Mapping[str, float]) -> float:
    """The limit of a method; "" holds the one of all others."""
    return limits.get(method, limits[""])


def cancels(value: object) -> Id:
    """The id that a notification of the host cancels, as JSON text; None for all other messages."""
    if not isinstance(value, dict) or value.get("method") not in _NAMED:
        return None
    params = value.get("params")
    number = params.get("requestId", params.get("id")) if isinstance(params, dict) else None
    return None if number is None else json.dumps(number)
