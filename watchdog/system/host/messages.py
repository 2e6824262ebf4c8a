"""Sends a message to the people of a playbook, through Apprise where it is installed.

Addresses hold tokens, so only their private form leaves this file. A receiver that hangs costs its deadline, not more.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import threading
from collections.abc import Sequence
from typing import Any

from watchdog.model.records import record
from watchdog.system import clock
from watchdog.system.clock import Deadline
from watchdog.text.printable import printable, printable_lines
from watchdog.text.redact import redact

NOT_INSTALLED = "Apprise is not installed, so no message can be sent: pip install 'wd-oncall[notify]'"
UNKNOWN_KIND = "Apprise does not know this kind of address"
_HOPELESS = (NOT_INSTALLED, UNKNOWN_KIND)  # a second try gives the same

_TRIES, _PAUSE = 2, 1.0  # of each address, and seconds between them
_ONE_TRY = 10.0  # seconds
_KINDS = {"info": "success", "warning": "warning", "critical": "failure"}  # our severities as Apprise has them
_LONGEST_TITLE = 120
_LONGEST_BODY = 3000


@record(frozen=True)
class Sent:
    """What came of one address. `receiver` is the address without its secrets."""

    receiver: str
    ok: bool
    error: str = ""


@record(frozen=True)
class Delivery:
    """What came of one route: its tries in order."""

    tries: tuple[Sent, ...]

    @property
    def ok(self) -> bool:
        return any(sent.ok for sent in self.tries)

    @property
    def failed(self) -> str:
        """Each address that did not take it, with the last reason."""
        last = {sent.receiver: sent.error for sent in self.tries if not sent.ok}
        return "; ".join(f"{receiver} {error}" for receiver, error in last.items())


def can_send() -> bool:
    """Whether Apprise is installed; it is an extra, and slow to import."""
    return importlib.util.find_spec("apprise") is not None


def is_known(address: str) -> bool:
    """Whether Apprise, which must be installed, can make a receiver of this address. Nothing is sent."""
    apprise: Any = importlib.import_module("apprise")
    return bool(apprise.Apprise.instantiate(address, suppress_exceptions=True))


def send(addresses: Sequence[str], title: str, body: str, within: float = _ONE_TRY) -> tuple[Sent, ...]:
    """Tell every receiver once, at the same time, in at most `within` seconds altogether; never raises."""
    deadline = Deadline(within)
    sent = [_begin(address, title, body, "info") for address in addresses]
    return tuple(_end(one, address, deadline.left, within) for one, address in zip(sent, addresses, strict=True))


def deliver(
    routes: Sequence[Sequence[str]], title: str, body: str, severity: str = "critical", within: float = 25.0
) -> tuple[Delivery, ...]:
    """Through each route at the same time: an address that fails is tried again, then the next one. Never raises."""
    deadline = Deadline(within)
    tries: list[list[Sent]] = [[] for _route in routes]
    threads = [
        threading.Thread(target=_walk, args=(tries[number], route, title, body, severity, deadline), daemon=True)
        for number, route in enumerate(routes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(deadline.left)
    late = f"no answer within {within:g} s"
    return tuple(
        Delivery(tuple(made) or (Sent(private(route[0]), False, late),))
        for made, route in zip(tries, routes, strict=True)
    )


def _walk(tries: list[Sent], route: Sequence[str], title: str, body: str, severity: str, deadline: Deadline) -> None:
    for address in route:
        for number in range(_TRIES):
            if number:
                clock.sleep(min(_PAUSE, deadline.left))
            if deadline.left <= 0:
                return
            limit = min(_ONE_TRY, deadline.left)
            tries.append(_end(_begin(address, title, body, severity), address, limit, limit))
            if tries[-1].ok:
                return
            if tries[-1].error in _HOPELESS:
                break


def _begin(address: str, title: str, body: str, severity: str) -> tuple[threading.Thread, list[Sent]]:
    """Secrets are taken out of the text, and line breaks out of the title: it becomes a mail's subject."""
    title = printable(redact(" ".join(title.split())))[:_LONGEST_TITLE]
    body = printable_lines(redact(body))[:_LONGEST_BODY]
    found: list[Sent] = []
    thread = threading.Thread(target=_send, args=(found, address, title, body, severity), daemon=True)
    thread.start()
    return thread, found


def _end(begun: tuple[threading.Thread, list[Sent]], address: str, left: float, limit: float) -> Sent:
    thread, found = begun
    thread.join(left)
    return found[0] if found else Sent(private(address), False, f"no answer within {limit:g} s")


def _send(found: list[Sent], address: str, title: str, body: str, severity: str) -> None:
    if not can_send():
        found.append(Sent(private(address), False, NOT_INSTALLED))
        return
    try:
        apprise: Any = importlib.import_module("apprise")
        receiver: Any = apprise.Apprise.instantiate(address, suppress_exceptions=True)
        if not receiver:
            found.append(Sent(private(address), False, UNKNOWN_KIND))
            return
        # The result is None as well as False where nothing was sent.
        done = bool(receiver.notify(title=title, body=body, notify_type=_KINDS[severity]))
        found.append(Sent(receiver.url(privacy=True), done, "" if done else "the receiver did not take it"))
    except Exception as error:  # noqa: BLE001 - a hundred services, each with its own ways to fail
        found.append(Sent(private(address), False, f"{type(error).__name__}: {redact(str(error))}"[:200]))


def private(address: str) -> str:
    """What can be shown of an address without asking Apprise: its service."""
    found = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", address)
    return f"{found[0]}…" if found else "…"
