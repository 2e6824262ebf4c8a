"""Who may sign in, and which programs may call: one file that only its owner can read.

A password is kept as a scrypt hash. A token is random and long, so its SHA-256 is enough.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from watchdog.model.errors import BadConfig, NothingMatched, Refused, WrongUsage
from watchdog.model.records import record
from watchdog.system.disk import files
from watchdog.system.disk.trust import how_to_hide, is_private, read_trusted

Role = Literal["view", "act", "alert"]
FILE = "web-users.json"
LEAST = 10  # characters of a password
MOST = 200
_SCRYPT = {"n": 1 << 14, "r": 8, "p": 1, "dklen": 32}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@record(frozen=True)
class User:
    """A person (role view or act), or a program with a token (role alert)."""

    name: str
    role: Role
    secret: str  # "scrypt$SALT$HASH" or "sha256$HASH"


class Users:
    """The file in the state folder. It is read again when it has changed."""

    def __init__(self, state: Path) -> None:
        self.path = state / FILE
        self._read: tuple[int, int] | None = None
        self._users: dict[str, User] = {}

    def all(self) -> dict[str, User]:
        """BadConfig if it cannot be used, Refused if others can read it."""
        try:
            about = self.path.stat()
        except OSError:
            self._read, self._users = None, {}
            return {}
        if self._read != (about.st_mtime_ns, about.st_ino):
            self._users = _load(self.path)
            self._read = (about.st_mtime_ns, about.st_ino)
        return self._users

    def people(self) -> dict[str, User]:
        return {name: user for name, user in self.all().items() if user.role != "alert"}

    def add(self, name: str, role: Role, password: str) -> None:
        if not _NAME.fullmatch(name):
            raise WrongUsage(f"{name!r} cannot be a user's name", todo="Use letters, digits and . _ @ -")
        if not LEAST <= len(password) <= MOST:
            raise WrongUsage(f"a password has {LEAST} to {MOST} characters; nothing was changed")
        salt = os.urandom(16)
        self._change({**self.all(), name: User(name, role, f"scrypt${_text(salt)}${_text(_hash(password, salt))}")})

    def add_token(self, name: str) -> Path:
        """A new token for a program, in a file of its own: so it stands in no terminal and no log."""
        if not _NAME.fullmatch(name):
            raise WrongUsage(f"{name!r} cannot be a program's name", todo="Use letters, digits and . _ @ -")
        token = f"wd_{secrets.token_urlsafe(32)}"
        self._change({**self.all(), name: User(name, "alert", f"sha256${_digest(token)}")})
        path = self._token_file(name)
        files.write_atomic(path, token + "\n", mode=0o600)
        return path

    def remove(self, name: str) -> None:
        users = dict(self.all())
        if users.pop(name, None) is None:
            raise NothingMatched(f"{name!r} is not in {self.path}", f"there are: {', '.join(sorted(users)) or 'none'}")
        self._token_file(name).unlink(missing_ok=True)
        self._change(users)

    def _token_file(self, name: str) -> Path:
        return self.path.with_name(f"web-token-{name}")

    def by_password(self, name: str, password: str) -> User | None:
        """Takes the same time for a name that does not exist."""
        user = self.people().get(name)
        kind, salt, wanted = (user.secret if user else f"scrypt${_text(bytes(16))}$").split("$")
        found = _text(_hash(password[:MOST], base64.b64decode(salt)))
        return user if user and kind == "scrypt" and hmac.compare_digest(found, wanted) else None

    def by_token(self, token: str) -> User | None:
        wanted = f"sha256${_digest(token)}"
        return next((one for one in self.all().values() if hmac.compare_digest(one.secret, wanted)), None)

    def _change(self, users: dict[str, User]) -> None:
        kept = {name: asdict(user) for name, user in sorted(users.items())}
        files.write_atomic(self.path, json.dumps(kept, indent=1) + "\n", mode=0o600)


def _load(path: Path) -> dict[str, User]:
    if not is_private(path):
        raise Refused(
            f"{path} can be read by others", "It holds the hashes of passwords.", f"Change that: {how_to_hide(path)}"
        )
    try:
        kept: dict[str, Any] = json.loads(read_trusted(path))
        found = {name: User(**user) for name, user in kept.items()}
        good = all(one.role in ("view", "act", "alert") and one.secret.count("$") in (1, 2) for one in found.values())
    except (ValueError, TypeError, AttributeError):
        good = False
    if not good:
        raise BadConfig(f"{path} is damaged", todo="Remove it, and add the users again: `wd web --add-user NAME`")
    return found


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, **_SCRYPT)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
