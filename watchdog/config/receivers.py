"""`notify` of a playbook: addresses, and routes with severity and hours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from watchdog.config.fields import Choice, Many, Reader, Text, scalar
from watchdog.config.kinds import Section
from watchdog.model.routes import DAYS, SEVERITIES, Hours

ADDRESS = Text("an address such as slack://…", r"[a-z][a-z0-9+.-]*://\S+")
_RIGHT = "this needs hours such as 08:00-18:00 or mon-fri 08:00-18:00"
_HOURS = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? +)?"
    r"(?P<begin>[01]\d|2[0-3]):(?P<begin_min>[0-5]\d)-(?P<end>[01]\d|2[0-4]):(?P<end_min>[0-5]\d)",
    re.ASCII,
)


@dataclass(frozen=True)
class OpenHours(Reader):
    """ "mon-fri 22:00-06:00": days on which it begins, and from when to when, by the machine's clock."""

    def read(self, value: Any) -> Hours:
        found = _HOURS.fullmatch(scalar(value, _RIGHT).strip().lower())
        if found is None:
            raise ValueError(_RIGHT)
        begin = int(found["begin"]) * 60 + int(found["begin_min"])
        end = int(found["end"]) * 60 + int(found["end_min"])
        if begin == end or end > 24 * 60:
            raise ValueError(_RIGHT)
        return Hours(begin, end, _days(found["first"], found["last"]))

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


def _days(first: str | None, last: str | None) -> tuple[int, ...]:
    if first is None:
        return tuple(range(7))
    if first not in DAYS or (last is not None and last not in DAYS):
        raise ValueError(f"{_RIGHT}; the days are {', '.join(DAYS)}")
    begin = DAYS.index(first)
    count = (DAYS.index(last) - begin) % 7 + 1 if last else 1
    return tuple((begin + day) % 7 for day in range(count))


class RouteEntry(Section):
    """One way to people; its addresses are tried in order until one takes the message."""

    to: Annotated[tuple[str, ...], Many(ADDRESS)] = Field(description="addresses; the next is tried if one fails")
    severity: Annotated[str, Choice(SEVERITIES)] = Field(
        default="info",
        description="only from: info (it is over), warning (wd works on it), critical (needs a person)",
    )
    hours: Annotated[tuple[Hours, ...], Many(OpenHours())] = Field(
        default=(), description="only then: 08:00-18:00, or mon-fri 22:00-06:00; none: always"
    )


class Receivers:
    """A list of addresses and routes; a single one may stand without the list."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {
            "address": handler.generate_schema(Annotated[str, ADDRESS]),
            "route": handler.generate_schema(RouteEntry),
        }
        entry = core_schema.tagged_union_schema(choices, discriminator=_kind_of)
        entries = core_schema.tuple_variable_schema(entry)
        return core_schema.no_info_before_validator_function(lambda v: v if isinstance(v, list) else [v], entries)


def _kind_of(value: Any) -> str:
    return "route" if isinstance(value, dict) else "address"
