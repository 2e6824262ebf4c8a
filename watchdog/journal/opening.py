"""Opening the journal's file: closed to others, checked, brought to our version; damage told from passing trouble."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from watchdog.journal.tables import VERSIONS, Change
from watchdog.model.errors import CannotTell, Refused
from watchdog.system.clock import now
from watchdog.system.disk import files
from watchdog.system.disk.files import make_folder

BUSY_SECONDS = 30.0
UNREADABLE = "a name in it cannot be read"
# Bytes up to which every start checks all of it, indexes too; up to which it checks the tables; beyond, the first page.
_CHECKED_WHOLE_UP_TO, _CHECKED_UP_TO = 4 << 20, 64 << 20
_Result = TypeVar("_Result")


def transaction(connection: sqlite3.Connection, change: Callable[[sqlite3.Connection], _Result]) -> _Result:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = change(connection)
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise
    return result


def make_file(path: Path) -> int:
    """SQLite would make it with the umask's mode; its side files take over the mode that it finds. Gives its inode."""
    if not path.parent.is_dir():
        make_folder(path.parent)
    try:
        return files.make_private(path).st_ino
    except Refused as refusal:
        raise damaged(refusal.why) from None


def inode_of(path: Path) -> int:
    try:
        return path.lstat().st_ino
    except OSError:
        return 0


def connect(path: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.text_factory = lambda data: data.decode("utf-8", "backslashreplace")  # a flipped bit must be readable
    return connection


def new_memory() -> sqlite3.Connection:
    return prepare(connect(":memory:"))


def prepare(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Check, switch to WAL, bring to our version."""
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(VERSIONS):
            if version != _told_version(connection):
                raise damaged("its version number was hit")
            raise CannotTell(
                "the journal was written by a newer wd",
                "writing to it with this version could lose what the newer one keeps there",
                "use the newer wd, or another home",
            )
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=4194304")
        _check(connection)
        _migrate(connection)
    except UnicodeDecodeError:
        connection.close()
        raise damaged(UNREADABLE) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _told_version(connection: sqlite3.Connection) -> float:
    """The schema's version as the facts have it: a newer wd raises both, a flipped bit only one. 0: not told."""
    try:
        row = connection.execute("SELECT value FROM facts WHERE name = 'schema'").fetchone()
    except (sqlite3.Error, UnicodeDecodeError):
        return 0.0
    return float(row[0]) if row and isinstance(row[0], int | float) else 0.0


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """The switch itself ignores the busy time-out when another process is switching too."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)


def _check(connection: sqlite3.Connection) -> None:
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    if pages * size > _CHECKED_UP_TO:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return
    check = "integrity_check" if pages * size <= _CHECKED_WHOLE_UP_TO else "quick_check"
    answer = connection.execute(f"PRAGMA {check}(1)").fetchone()[0]
    if answer != "ok":
        raise damaged(answer.splitlines()[0])


def _migrate(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(VERSIONS):
        missing = _tables(VERSIONS) - {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if missing:
            raise damaged(f"it has no table {min(missing)}")
        return

    def migrate(database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]  # again: another process may have been first
        for script in VERSIONS[version:]:
            for change in script:
                change(database) if callable(change) else database.execute(change)
        database.execute(f"PRAGMA user_version={len(VERSIONS)}")
        database.execute("INSERT OR REPLACE INTO facts VALUES ('schema', ?)", (len(VERSIONS),))

    transaction(connection, migrate)


def _tables(versions: tuple[tuple[Change, ...], ...]) -> set[str]:
    statements = [change.split() for script in versions for change in script if isinstance(change, str)]
    return {words[2] for words in statements if words[:2] == ["CREATE", "TABLE"]}


def damaged(how: str) -> sqlite3.DatabaseError:
    """Raised inside a transaction, it makes the store begin again."""
    return sqlite3.DatabaseError(f"file is not a database that is whole: {how}")


def remember_loss(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('lost_at', ?)", (now(),))


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Damage, as against busy, full or forbidden, which pass."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by ourselves
        return "file is not a database" in str(error)
    text = str(error)
    hit = code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
    # A table or column that is missing in a file with our version number: the schema itself was hit.
    return hit or (code == sqlite3.SQLITE_ERROR and ("no such" in text or "already exists" in text))


def set_aside(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    kept = path.with_name(f"{path.stem}-damaged-{stamp}-{os.getpid()}{path.suffix}")
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(kept.with_name(kept.name + end))
    return kept


def in_words(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"another process has written to it for more than {BUSY_SECONDS:g} s"
    if "full" in text:
        return "no space is left on its disk"
    if "readonly" in text or "unable to open" in text:
        return f"its file or folder may not be written ({text})"
    return text
