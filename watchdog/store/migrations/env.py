"""Alembic runs this file for each upgrade, inside the transaction of `watchdog.store.schema`."""

from __future__ import annotations

from alembic import context

if hasattr(context, "config"):  # it is Alembic that runs this
    context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
