"""Brings the tables of a store up to this version of wd. Several controllers may try it at the same time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

NEWEST = "0003"
_LOCK = 7_411_220_354  # any number that no other program takes in the same database


def upgrade(connection: Connection, to: str = NEWEST) -> str:
    """Whole or not at all; the data stays. Returns the version that it had before, empty for none."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    before = version(connection)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    return before


def version(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""
