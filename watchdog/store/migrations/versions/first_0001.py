"""Incidents of all hosts, claims of alerts, lease rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("opened", sa.Float(53), nullable=False, index=True),
        sa.Column("closed", sa.Float(53)),
        *_texts("service", "runbook", "outcome", "cause", "digest"),
        sa.Column("record", JSONB, nullable=False),
    )
    op.create_table(
        "alerts",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("starts", sa.Float(53), primary_key=True),
        *_texts("service"),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("claimed", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("kept", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("ended", sa.DateTime(timezone=True)),
        *_texts("alert"),
    )
    op.create_table(
        "slots",
        sa.Column("pool", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]
