"""The shared store: one transaction at a time, short, and repeatable: a link may break at its commit."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from watchdog.model.errors import BadConfig, CannotTell

if TYPE_CHECKING:
    from sqlalchemy import Connection

_Result = TypeVar("_Result")
_CONNECT, _STATEMENT = 5, 15_000  # seconds; milliseconds
_NO_TABLE, _NO_COLUMN = "42P01", "42703"  # PostgreSQL's words for a schema that is not there yet
_NEEDED = ("sqlalchemy", "alembic", "psycopg")


class Lost(CannotTell):
    """The store does not answer, or refused. What was to be written stays where it is, and is sent later."""


class Store:
    """Made at once; the first question connects. Usable from several threads."""

    def __init__(self, address: str) -> None:
        missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise CannotTell(
                f"the shared store needs {' and '.join(missing)}, not installed here",
                todo="pip install 'wd-oncall[store]'",
            )
        from sqlalchemy import create_engine, exc, make_url

        try:
            url = make_url(address).set(drivername="postgresql+psycopg")
        except (exc.ArgumentError, ValueError):
            raise BadConfig("the address of the store cannot be read") from None
        self.name = url.render_as_string(hide_password=True).replace("+psycopg", "", 1)
        options = {"connect_timeout": _CONNECT, "options": f"-c statement_timeout={_STATEMENT}"}
        self._engine = create_engine(url, pool_pre_ping=True, pool_size=2, connect_args=options)

    def do(self, work: Callable[[Connection], _Result]) -> _Result:
        """One transaction. Lost if there is no answer, or a refusal; BadConfig if the tables are of another version."""
        from sqlalchemy import exc

        try:
            with self._engine.begin() as connection:
                return work(connection)
        except exc.SQLAlchemyError as error:
            if getattr(getattr(error, "orig", None), "sqlstate", None) in (_NO_TABLE, _NO_COLUMN):
                raise BadConfig(
                    f"the store {self.name} has not the tables of this wd", todo="Run `wd fleet store upgrade` once."
                ) from None
            said = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
            refused = isinstance(error, exc.ProgrammingError | exc.IntegrityError | exc.DataError)
            what = "refused what was sent" if refused else "does not answer"
            raise Lost(f"the store {self.name} {what}", said[0]) from None

    def close(self) -> None:
        self._engine.dispose()
