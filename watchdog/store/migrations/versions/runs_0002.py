"""Runs on many hosts, and to which of them an incident belongs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name in ("host", "run"):
        op.add_column("incidents", sa.Column(name, sa.Text, nullable=False, server_default=""))
    texts = ("runbook", "controller", "stage", "outcome", "text", "cause", "node", "incident")
    op.create_table(
        "host_runs",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, primary_key=True),
        sa.Column("begun", sa.Float(53), nullable=False, index=True),
        *(sa.Column(name, sa.Text, nullable=False, server_default="") for name in texts),
    )
