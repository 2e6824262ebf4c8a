"""The environment that a service is started in: a fixed base and what its playbook declares, nothing of ours."""

from __future__ import annotations

import os
import re
import shlex
import stat
from pathlib import Path

from watchdog.model.playbook import Start
from watchdog.system.disk import trust
from watchdog.system.host import accounts

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LARGEST = 256 * 1024
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def environment(start: Start) -> dict[str, str]:
    """All variables of a start. OSError, LookupError or ValueError with a sentence where they cannot be had."""
    found = accounts.base_environment(start.user)
    if start.env_file:
        found |= read_env_file(Path(start.env_file), accounts.user_id(start.user))
    if start.heartbeat:  # as sd_watchdog_enabled(3) describes it
        found["WATCHDOG_USEC"] = str(round(start.heartbeat * 1_000_000))
    return found | dict(start.env)


def read_env_file(path: Path, user: int) -> dict[str, str]:
    """NAME=VALUE lines; quotes as in a shell, `#` begins a comment, `export ` is passed over. Nothing is expanded.

    Root reads only a file that root or the service's own user wrote.
    """
    descriptor = os.open(path, os.O_RDONLY | _NO_WAIT)
    with os.fdopen(descriptor, encoding="utf-8", errors="surrogateescape") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is not a regular file")
        if accounts.is_admin() and (problem := trust.who_else_wrote(file.fileno(), user)):
            raise OSError(f"{path} is not used, others could have written it: {problem}")
        text = file.read(_LARGEST)
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip().removeprefix("export ").strip()
        if not words or words.startswith("#"):
            continue
        name, equals, value = words.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            raise ValueError(f"{path}:{number}: {words[:60]!r} is not NAME=VALUE")
        found[name.strip()] = _unquoted(value.strip(), path, number)
    return found


def _unquoted(value: str, path: Path, number: int) -> str:
    if not value.startswith(("'", '"')):
        return value
    try:
        parts = shlex.split(value, comments=True)
    except ValueError:
        raise ValueError(f"{path}:{number}: a quote is not closed") from None
    return "".join(parts)
