"""The tables of the shared store, as they are now. `migrations/` leads there from every earlier schema."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Float, MetaData, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

METADATA = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


incidents = Table(
    "incidents",
    METADATA,
    Column("node", Text, primary_key=True),  # the machine, as it names itself
    Column("id", Text, primary_key=True),
    Column("opened", Float(53), nullable=False, index=True),
    Column("closed", Float(53)),
    _text("service"),
    _text("runbook"),
    _text("outcome"),
    _text("cause"),
    _text("digest"),  # of the record: what has not changed is not sent again
    Column("record", JSONB, nullable=False),
    _text("host"),  # its name in the inventory, where a controller sent it
    _text("run"),  # the run on many hosts that it belongs to
)

alerts = Table(
    "alerts",
    METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("starts", Float(53), primary_key=True),
    _text("service"),
    Column("holder", Text, nullable=False),  # the controller that acts on it
    Column("claimed", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("kept", Boolean, nullable=False, server_default="false"),  # it stands in the holder's own journal
    Column("ended", DateTime(timezone=True)),
    _text("alert"),  # its id in that journal
)

slots = Table(
    "slots",
    METADATA,
    Column("pool", Text, primary_key=True),
    Column("holder", Text, primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False),  # by the store's clock
)

host_runs = Table(
    "host_runs",
    METADATA,
    Column("run", Text, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("begun", Float(53), nullable=False, index=True),
    _text("runbook"),
    _text("controller"),
    _text("stage"),
    _text("outcome"),
    _text("text"),
    _text("cause"),
    _text("node"),
    _text("incident"),
    Column("late", Boolean, nullable=False, server_default="false"),
)

loops = Table(
    "loops",
    METADATA,
    Column("holder", Text, primary_key=True),  # the machine and the state folder
    Column("node", Text, nullable=False),
    Column("seen", DateTime(timezone=True), nullable=False),  # by the store's clock
    Column("services", JSONB, nullable=False),
)
