"""The loop's messages to people: sent beside the loop, joined when many come at once, tried again when none arrived."""

from __future__ import annotations

import platform
import queue
import threading
from collections.abc import Callable, Sequence

from watchdog.model.records import record
from watchdog.model.routes import SEVERITIES, Message, Route
from watchdog.policy.deciding import local_time
from watchdog.policy.routes import chosen
from watchdog.system import clock
from watchdog.system.host import messages
from watchdog.text.language import ENGLISH, speaking, translated

PAUSE = 3.0  # seconds in which messages are collected after the first one
MANY = 3  # services whose messages of one route become one
_AGAIN, _MOST = 30.0, 10  # seconds until a route is tried again that no address of which took it; how often
Send = Callable[[Sequence[Sequence[str]], str, str, str], tuple[messages.Delivery, ...]]


@record(frozen=True)
class Waiting:
    """One message on one route."""

    to: tuple[str, ...]
    message: Message
    tries: int = 0


class Messenger:
    """One for a loop. `tell` never waits."""

    def __init__(
        self,
        say: Callable[[str, str], None] = lambda text, level: None,
        page: Callable[[], str] = lambda: "",
        send: Send = messages.deliver,
    ) -> None:
        self._say, self._page, self._send = say, page, send
        self._queue: queue.SimpleQueue[Waiting] = queue.SimpleQueue()
        self._latest: dict[tuple[tuple[str, ...], str], Message] = {}

    def start(self) -> None:
        threading.Thread(target=self._work, daemon=True, name="wd-messenger").start()

    def tell(self, routes: Sequence[Route], message: Message) -> None:
        for route in chosen(routes, message.severity, local_time(clock.now())):
            self._latest[route.to, message.service] = message
            self._queue.put(Waiting(route.to, message))

    def send_now(self) -> list[Waiting]:
        """Send what waits; gives what no address of its route took, and what is worth another try."""
        return self._deliver(self._collected())

    def put_back(self, waiting: Waiting) -> None:
        """Another try of it, unless there is a newer message by then."""
        self._queue.put(waiting)

    def _work(self) -> None:
        while True:
            first = self._queue.get()
            clock.sleep(PAUSE)
            for again in self._deliver(self._collected(first)):
                timer = threading.Timer(_AGAIN, self.put_back, args=(again,))
                timer.daemon = True
                timer.start()

    def _collected(self, *first: Waiting) -> list[Waiting]:
        found = list(first)
        while not self._queue.empty():
            found.append(self._queue.get())
        return [one for one in found if not self._is_outdated(one)]

    def _is_outdated(self, waiting: Waiting) -> bool:
        """Whether there is a newer message about that service on the same route."""
        return self._latest.get((waiting.to, waiting.message.service), waiting.message) is not waiting.message

    def _deliver(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """Those that no address of their route took."""
        failed = []
        for to in dict.fromkeys(one.to for one in waiting):
            mine = [one for one in waiting if one.to == to]
            for message in joined([one.message for one in mine], self._page()):
                (delivery,) = self._send([to], message.title, message.text, message.severity)
                if delivery.failed:
                    self._say(f"message about {message.service}: {delivery.failed}", "WARNING")
                if not delivery.ok:
                    failed.append(Waiting(to, message, max(one.tries for one in mine) + 1))
        return [one for one in failed if one.tries < _MOST]


def joined(found: Sequence[Message], page: str) -> tuple[Message, ...]:
    """The last word about each service; many services at once are one message."""
    last = {message.service: message for message in found}
    if len(last) < MANY:
        return tuple(last.values())
    worst = max((message.severity for message in last.values()), key=SEVERITIES.index)
    lines = "\n".join(f"- {message.line}" for message in last.values())
    spoken = {message.language for message in last.values()}
    with speaking(spoken.pop() if len(spoken) == 1 else ENGLISH):
        title = translated("{count} services", count=len(last))
        line = translated("{count} services on {machine}:", count=len(last), machine=platform.node())
    return (Message(title, worst, line, "\n".join(filter(None, (lines, page)))),)
