"""Loops that were heard, and results of runs that came late."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("host_runs", sa.Column("late", sa.Boolean, nullable=False, server_default="false"))
    op.create_table(
        "loops",
        sa.Column("holder", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("services", JSONB, nullable=False),
    )
