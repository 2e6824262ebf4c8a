"""`wd web`: the page, and who may sign in to it."""

from __future__ import annotations

import getpass
import importlib.util
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from watchdog.model.errors import BadConfig, CannotTell, Refused, WrongUsage
from watchdog.steps.spec import Context, StepResult
from watchdog.system.child.companion import leave_with_parent
from watchdog.web.address import DEFAULT, parse
from watchdog.web.entrance import Entrance
from watchdog.web.users import Users

_NEEDED = ("starlette", "uvicorn", "prometheus_client")
_PRIVATE = "It shows logs and evidence, and whoever may act there can have a server restarted."


def web(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Serve the page until SIGTERM or Ctrl-C; with one of the options about users only change those."""
    users = Users(context.state)
    if changed := _change_users(users, options):
        return StepResult("ok", changed)
    where = entrance(context, options)
    from watchdog.watch import log
    from watchdog.web.server import serve
    from watchdog.web.site import Site

    log.set_up(context.state, bool(options.get("verbose")), name="web.log")
    site = Site(context.home or context.state, context.state, where, options.get("lang") or "")

    def ready(url: str, leave: Callable[[], None]) -> None:
        leave_with_parent(leave)
        site.journal().keep_page(url)
        threading.Thread(target=site.looks.now, daemon=True, name="wd-first-look").start()
        context.say(f"the page is at {url}")

    try:
        serve(site, ready)
    finally:
        site.journal().keep_page("")
    return StepResult("ok", "stopped")


def entrance(context: Context, options: Mapping[str, Any]) -> Entrance:
    """Where it will listen. CannotTell without the extra, BadConfig without a home, Refused as `check` says."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise CannotTell(
            f"the page needs {' and '.join(missing)}, not installed here",
            "They come with the extra `web`; every other command works without it.",
            "pip install 'wd-oncall[web]'",
        )
    if context.home is None:
        raise BadConfig("no home was found", todo="Name one with --home or $WD_HOME, or make one with `wd init`.")
    found = Entrance(
        parse(options.get("address") or DEFAULT),
        tuple(options.get("name") or ()),
        options.get("tls_cert") or "",
        options.get("tls_key") or "",
        options.get("proxy") or "",
        (options.get("proxy_user") or "").lower(),
    )
    check(found, Users(context.state))
    return found


def check(entrance: Entrance, users: Users) -> None:
    """Refused where strangers could read or act. WrongUsage for options that do not fit together."""
    if bool(entrance.certificate) != bool(entrance.key):
        raise WrongUsage("TLS needs both files", todo="--tls-cert FILE --tls-key FILE")
    if entrance.proxy_user and not entrance.proxy:
        raise WrongUsage("a header with a name is believed only from a proxy", todo="--proxy ADDRESS")
    people = users.people()
    if entrance.address.is_local and not entrance.proxy:
        return
    if not entrance.is_secure:
        raise Refused(
            f"{entrance.address} can be reached from other machines, and nothing would be encrypted",
            _PRIVATE,
            "Add --tls-cert FILE --tls-key FILE, or --proxy ADDRESS of a proxy that takes HTTPS. "
            f"Or listen on {DEFAULT} and use `ssh -L`.",
        )
    if not people and not entrance.proxy_user:
        raise Refused(
            "nobody could sign in, and without signing in nobody may come in from other machines",
            _PRIVATE,
            "Add a user: `wd web --add-user NAME --role act`",
        )
    if not entrance.hosts:
        raise WrongUsage(f"{entrance.address} is every address", todo="Say by which name it is asked for: --name HOST")


def _change_users(users: Users, options: Mapping[str, Any]) -> str:
    """What was changed; empty if nothing was asked for."""
    if name := options.get("add_user"):
        users.add(name, options.get("role") or "view", _password(name))
        return f"{name} may sign in, and may {options.get('role') or 'view'}"
    if name := options.get("add_token"):
        path = users.add_token(name)
        return f"{name} may call /v1 and read /metrics with the token in {path}; move that file to where it is read"
    if name := options.get("remove_user"):
        users.remove(name)
        return f"{name} may not come in any more"
    return ""


def _password(name: str) -> str:
    """Typed twice at a terminal; else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass(f"password of {name}: ")
    if first != getpass.getpass("once more: "):
        raise WrongUsage("the two passwords differ; nothing was changed")
    return first
