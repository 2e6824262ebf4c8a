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
from watchdog.system.clock import Deadline
from watchdog.text.printable import printable, printable_lines
from watchdog.text.redact import redact

NOT_INSTALLED = "Apprise is not installed, so no message can be sent: pip install 'wd-oncall[notify]'"

_LONGEST_TITLE = 120
_LONGEST_BODY = 3000


@record(frozen=True)
class Sent:
    """What came of one address. `receiver` is the address without its secrets."""

    receiver: str
    ok: bool
    error: str = ""


def can_send() -> bool:
    """Whether Apprise is installed; it is an extra, and slow to import."""
    return importlib.util.find_spec("apprise") is not None


def is_known(address: str) -> bool:
    """Whether Apprise, which must be installed, can make a receiver of this address. Nothing is sent."""
    apprise: Any = importlib.import_module("apprise")
    return bool(apprise.Apprise.instantiate(address, suppress_exceptions=True))


def send(addresses: Sequence[str], title: str, body: str, within: float = 10.0) -> tuple[Sent, ...]:
    """Tell every receiver at the same time, in at most `within` seconds altogether; never raises.

    Secrets are taken out of the text, and line breaks out of the title: it becomes a mail's subject.
    """
    if not can_send():
        return tuple(Sent(private(address), False, NOT_INSTALLED) for address in addresses)
    title = printable(redact(" ".join(title.split())))[:_LONGEST_TITLE]
    body = printable_lines(redact(body))[:_LONGEST_BODY]
    found: dict[int, Sent] = {}
    threads = []
    for number, address in enumerate(addresses):
        thread = threading.Thread(target=_send, args=(found, number, address, title, body), daemon=True)
        thread.start()
        threads.append(thread)
    deadline = Deadline(within)
    for thread in threads:
        thread.join(deadline.left)
    late = f"no answer within {within:g} s"
    return tuple(found.get(n, Sent(private(address), False, late)) for n, address in enumerate(addresses))


def _send(found: dict[int, Sent], number: int, address: str, title: str, body: str) -> None:
    try:
        apprise: Any = importlib.import_module("apprise")
        receiver: Any = apprise.Apprise.instantiate(address, suppress_exceptions=True)
        if not receiver:
            found[number] = Sent(private(address), False, "Apprise does not know this kind of address")
            return
        # The result is None as well as False where nothing was sent.
        done = bool(receiver.notify(title=title, body=body))
        found[number] = Sent(receiver.url(privacy=True), done, "" if done else "the receiver did not take it")
    except Exception as error:  # noqa: BLE001 - a hundred services, each with its own ways to fail
        found[number] = Sent(private(address), False, f"{type(error).__name__}: {redact(str(error))}"[:200])


def private(address: str) -> str:
    """What can be shown of an address without asking Apprise: its service."""
    found = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", address)
    return f"{found[0]}…" if found else "…"
