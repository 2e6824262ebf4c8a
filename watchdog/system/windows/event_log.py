"""What Windows wrote into its Application log about programs that crashed or hung, through its own command.

1000 is a crash, 1001 the report of one, 1002 a hang, 1026 an exception of .NET.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree

from watchdog.model.facts import Crash
from watchdog.system.child import commands
from watchdog.text import exit_codes

_LIMIT = 10.0  # seconds
_MOST, _LENGTH = 50, 500
_SPACE = "{http://schemas.microsoft.com/win/2004/08/events/event}"
_CRASH, _HANG = "1000", "1002"
# Places of the strings in an event of a crash, and in one of a hang.
_PROGRAM, _MODULE, _CODE, _PID = 0, 3, 6, 8
_HANG_PID = 2


def crashes(now: float, since: float) -> tuple[Crash, ...]:
    """Those of the last `since` seconds, the oldest first. OSError if Windows does not give its log."""
    which = "EventID=1000 or EventID=1001 or EventID=1002 or EventID=1026"
    query = f"*[System[({which}) and TimeCreated[timediff(@SystemTime) <= {int(since * 1000)}]]]"
    words = ["wevtutil", "qe", "Application", f"/q:{query}", "/f:xml", "/e:Events", "/rd:true", f"/c:{_MOST}"]
    done = commands.run(words, timeout=_LIMIT)
    if not done.ok:
        raise OSError(done.error or f"the event log could not be read: {done.output.strip()[:200]}")
    return tuple(parse(done.output))[::-1]


def parse(text: str) -> Iterator[Crash]:
    """Each event of `wevtutil`'s XML; what is not understood is left out."""
    with contextlib.suppress(ElementTree.ParseError):
        for event in ElementTree.fromstring(text.strip() or "<Events/>").iter(f"{_SPACE}Event"):
            with contextlib.suppress(ValueError, AttributeError, IndexError):
                yield _crash(event)


def _crash(event: ElementTree.Element) -> Crash:
    system = event.find(f"{_SPACE}System")
    assert system is not None
    number = _text(system, "EventID")
    provider = system.find(f"{_SPACE}Provider")
    created = system.find(f"{_SPACE}TimeCreated")
    source = provider.get("Name", "") if provider is not None else ""
    strings = [one.text or "" for one in event.iter(f"{_SPACE}Data")]
    at = re.sub(r"(\.\d{6})\d*Z$", r"\1+00:00", created.get("SystemTime", "") if created is not None else "")
    pid = code = None
    told = "; ".join(" ".join(one.split()) for one in strings if one.strip())
    if number == _CRASH:
        pid, code = int(strings[_PID], 16), int(strings[_CODE], 16)
        told = f"{strings[_PROGRAM]} crashed in {strings[_MODULE]} with {exit_codes.in_words(code)}"
    elif number == _HANG:
        pid = int(strings[_HANG_PID], 16)
    return Crash(datetime.fromisoformat(at).timestamp(), pid, code, f"{source} {number}: {told}"[:_LENGTH])


def _text(parent: ElementTree.Element, name: str) -> str:
    found = parent.find(f"{_SPACE}{name}")
    return (found.text or "") if found is not None else ""
