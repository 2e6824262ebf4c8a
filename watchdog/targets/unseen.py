"""What cannot be seen is not gone: a port that is held by a process which wd may not look at is never "nothing"."""

from __future__ import annotations

from watchdog.model.errors import NothingMatched, Refused, WdError, WrongUsage
from watchdog.model.selector import Selector
from watchdog.system.host import accounts
from watchdog.system.net import ports
from watchdog.system.process import rights


def refuse_unseen(port: int | None, done: str) -> None:
    """Refused if somebody listens there and cannot be seen. `done` says what was not done: "nothing was ended"."""
    unseen = ports.hidden(port) if port else ()
    if not unseen:
        return

    owner = accounts.user_name(unseen[0].uid)
    why, todo = f"the socket belongs to user {owner}", rights.remedy(owner)
    if rights.sees_all():
        why, todo = "the socket belongs to the kernel, or to a process outside of this container", "act from there"
    raise Refused(f"{done}: who listens on port {port} cannot be seen", why, todo)


def nothing_matched(selector: Selector) -> WdError:
    """No server fits; or none was named."""
    if selector.empty:
        todo = "Name one: a service, :PORT, --cmdline or --pid. `wd ps` lists them."
        return WrongUsage("no server was named", todo=todo)
    return NothingMatched(f"nothing matches {selector}", todo="`wd ps` shows every server of this machine")
