"""The values that a key of a probe or check may take: the names that `model.kinds.Key.value` uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from watchdog.config.fields import Choice, Literal, Many, Switch, Text, Whole, Words
from watchdog.config.measures import DAY, CountOrShare, Duration, Share, Size
from watchdog.config.places import Address, Link, Location
from watchdog.model.kinds import Key
from watchdog.model.playbook import Percent

_MOST = 1_000_000


def _duration(key: Key) -> Any:
    return Annotated[float, Duration(0.001 if key.low is None else key.low, 7 * DAY if key.high is None else key.high)]


def _whole(key: Key) -> Any:
    return Annotated[int, Whole(int(key.low or 0), int(key.high or _MOST))]


def _share(key: Key) -> Any:
    return Annotated[Percent, Share(100.0 if key.high is None else key.high)]


def _count_or_share(key: Key) -> Any:
    return Annotated[int | Percent, CountOrShare(int(key.high or _MOST))]


# Each makes the annotation with which pydantic reads the value.
VALUES: dict[str, Callable[[Key], Any]] = {
    "address": lambda key: Annotated[str, Address()],
    "count-or-share": _count_or_share,
    "duration": _duration,
    "fields": lambda key: dict[Annotated[str, Text()], Annotated[Any, Literal()]],
    "file": lambda key: Annotated[str, Location()],
    "flag": lambda key: Annotated[bool, Switch()],
    "link": lambda key: Annotated[str, Link()],
    "pipes": lambda key: Annotated[str, Choice(("pipes", "true"))],
    "port": lambda key: Annotated[int, Whole(1, 65535, "a port")],
    "share": _share,
    "size-or-share": lambda key: Annotated[int | Percent, Size(share=True)],
    "statuses": lambda key: Annotated[tuple[int, ...], Many(Whole(100, 599, "a status"))],
    "text": lambda key: Annotated[str, Text()],
    "whole": _whole,
    "words": lambda key: Annotated[tuple[str, ...], Words()],
}
