"""The SQLite file under the journal: opened so that nothing in it is lost, and set aside when it is damaged.

WAL and synchronous=FULL: what was committed survives kill -9 and a power cut. BEGIN IMMEDIATE: in WAL a transaction
that reads first and writes later fails at once when another wrote in between, in spite of any time-out.

A disk that is full, read-only or broken must not keep wd from curing a server: then the journal goes on in memory for
the rest of this process, says so loudly, and what was on the disk stays as it was.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from watchdog.journal import opening
from watchdog.system.disk import flock

_Result = TypeVar("_Result")
_TAKEN_ALONG = (
    *("incidents", "steps", "notes", "chain"),
    *("desired", "restarts", "memories", "facts", "approvals", "votes", "alerts"),
)


class Database:
    """One connection, usable from several threads."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self.path, self._warn = path, warn
        self.in_memory = False
        self.replay: Callable[[sqlite3.Connection], None] = _nothing  # writes again what a lost store must still hold
        self._lock = threading.RLock()
        self._inode = 0
        self._connection = self._open()

    def write(self, change: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """One transaction, whole or not at all."""
        return self._do(opening.transaction, change)

    def read(self, question: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """One consistent view of all tables."""
        return self._do(_view, question)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _do(
        self,
        how: Callable[[sqlite3.Connection, Callable[[sqlite3.Connection], _Result]], _Result],
        what: Callable[[sqlite3.Connection], _Result],
    ) -> _Result:
        """Once, and once more on another store if this one fails: nobody's run may end over its journal."""
        with self._lock:
            try:
                return how(self._connection, what)
            except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
                raise
            except (sqlite3.Error, UnicodeDecodeError) as trouble:
                if self.in_memory:
                    raise
                error = trouble if isinstance(trouble, sqlite3.Error) else opening.damaged(opening.UNREADABLE)
                if isinstance(error, sqlite3.DatabaseError) and opening.is_damage(error):
                    self._close_quietly()
                    self._connection = self._begin_anew(str(error))
                else:
                    self._go_on_in_memory(error)
                opening.transaction(self._connection, self.replay)
                return how(self._connection, what)

    def _open(self) -> sqlite3.Connection:
        self._inode = opening.inode_of(self.path)
        try:
            self._inode = opening.make_file(self.path)
            return opening.prepare(opening.connect(self.path))
        except sqlite3.DatabaseError as error:
            if opening.is_damage(error):
                return self._begin_anew(str(error))
            return self._memory_alone(opening.in_words(error))
        except OSError as error:
            return self._memory_alone(error.strerror or str(error))

    def _begin_anew(self, why: str) -> sqlite3.Connection:
        """Set the damaged file aside; only one process does, the others then find the new one."""
        try:
            with flock.held(Path(f"{self.path}.lock"), opening.BUSY_SECONDS):
                if opening.inode_of(self.path) not in (self._inode, 0):
                    self._inode = opening.make_file(self.path)
                    return opening.prepare(opening.connect(self.path))  # another process was first
                kept = opening.set_aside(self.path)
                self._inode = opening.make_file(self.path)
                connection = opening.prepare(opening.connect(self.path))
        except (OSError, sqlite3.Error, flock.Busy) as error:
            return self._memory_alone(f"it is damaged ({why}) and no new one can be made: {error}")
        opening.remember_loss(connection)
        self._warn(
            f"the journal was damaged ({why}). It was set aside as {kept} and a new one was made. "
            "Earlier restarts are unknown, so their budget counts as used."
        )
        return connection

    def _memory_alone(self, why: str) -> sqlite3.Connection:
        self.in_memory = True
        self._warn(
            f"the journal {self.path} cannot be used: {why}. This run is kept in memory only; "
            "earlier restarts are unknown, so their budget counts as used."
        )
        connection = opening.new_memory()
        opening.remember_loss(connection)
        return connection

    def _go_on_in_memory(self, error: sqlite3.Error) -> None:
        """Take along what can still be read, the samples excepted: they are many and no run needs them."""
        self._warn(
            f"the journal {self.path} took no more: {opening.in_words(error)}. "
            "What is on the disk stays as it was; what follows is kept in memory only."
        )
        memory = opening.new_memory()
        try:
            for table in _TAKEN_ALONG:
                rows = self._connection.execute(f"SELECT * FROM {table}").fetchall()
                if rows:
                    memory.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)
        except sqlite3.Error:
            opening.remember_loss(memory)
        self._close_quietly()
        self._connection, self.in_memory = memory, True

    def _close_quietly(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


def _nothing(connection: sqlite3.Connection) -> None:
    """No replay was asked for."""


def _view(connection: sqlite3.Connection, question: Callable[[sqlite3.Connection], _Result]) -> _Result:
    connection.execute("BEGIN")
    try:
        return question(connection)
    finally:
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
