"""How one value of a playbook is read: its kind, its range, and what would be right if it is neither.

Values arrive as text (`config/yaml.py`), so each kind here decides what counts: only plain digits are a number, only a
number with its unit is a duration. Every refusal is a ValueError whose text says what would be right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from watchdog.config.mistakes import did_you_mean
from watchdog.config.yaml import Plain
from watchdog.model.errors import WrongUsage
from watchdog.system import here
from watchdog.system.child import patterns

NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?", re.ASCII)
_LONGEST = 4096
_TEXT_SCHEMA = {"type": ["string", "number", "boolean"]}


class Reader:
    """One kind of value, as a pydantic annotation: `read` makes the value or raises, `schema` tells editors."""

    def read(self, value: Any) -> Any:
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return self.schema()


def scalar(value: Any, right: str) -> str:
    """The text of a single value; `right` says what is wanted instead of a list, a mapping or nothing."""
    if not isinstance(value, str):
        raise ValueError(right)
    if len(value) > _LONGEST:
        raise ValueError(f"{right}; this one has {len(value)} characters")
    if "\0" in value:
        raise ValueError(f"{right}; without NUL")
    return str(value)


@dataclass(frozen=True)
class Text(Reader):
    """Any text that is not empty; with `pattern` only what it fits."""

    right: str = "a text"
    pattern: str | None = None

    def read(self, value: Any) -> str:
        right = f"this needs {self.right}"
        text = scalar(value, right)
        if not text.strip() or (self.pattern is not None and not re.fullmatch(self.pattern, text)):
            raise ValueError(right)
        return text

    def schema(self) -> dict[str, Any]:
        pattern = {"pattern": f"^{self.pattern}$"} if self.pattern else {}
        return {"type": "string", "minLength": 1, **pattern}


@dataclass(frozen=True)
class AnyText(Reader):
    """A text that may be empty, as of an environment variable; a number is taken as it is written."""

    def read(self, value: Any) -> str:
        return scalar(value, "this needs a text; write '' for an empty one")

    def schema(self) -> dict[str, Any]:
        return _TEXT_SCHEMA


@dataclass(frozen=True)
class Whole(Reader):
    """A whole number in plain digits."""

    low: int
    high: int
    what: str = "a whole number"

    def read(self, value: Any) -> int:
        right = f"this needs {self.what} from {self.low} to {self.high}"
        text = scalar(value, right)
        if not re.fullmatch(r"0|[1-9][0-9]{0,9}", text) or not self.low <= int(text) <= self.high:
            raise ValueError(right)
        return int(text)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Number(Reader):
    """A number, whole or with a point."""

    low: float
    high: float

    def read(self, value: Any) -> float:
        right = f"this needs a number from {self.low:g} to {self.high:g}"
        text = scalar(value, right)
        if not NUMBER.fullmatch(text) or not self.low <= float(text) <= self.high:
            raise ValueError(right)
        return float(text)

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class Choice(Reader):
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: Any) -> str:
        right = f"this needs one of: {', '.join(self.words)}"
        text = scalar(value, right)
        if text not in self.words:
            raise ValueError(right + did_you_mean(text, self.words))
        return text

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


@dataclass(frozen=True)
class Switch(Reader):
    """true or false; yes, no, on and off are words like any other."""

    def read(self, value: Any) -> bool:
        if value not in ("true", "false"):
            raise ValueError("this needs true or false")
        return bool(value == "true")

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Words(Reader):
    """A command as a list of words, or as one text that is split as a shell would split it; it never sees a shell."""

    what: str = "a command"

    def read(self, value: Any) -> tuple[str, ...]:
        right = f"this needs {self.what}: a list of words, or one text"
        if isinstance(value, list):
            words = tuple(scalar(word, f"{right}; each word must be a text") for word in value)
        else:
            try:
                words = tuple(here.split(scalar(value, right)))
            except ValueError as error:
                raise ValueError("a quote in it is not closed" if "quotation" in str(error) else right) from None
        if not words or not words[0] or len(words) > 1000:
            raise ValueError(right)
        return words

    def schema(self) -> dict[str, Any]:
        return {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": _TEXT_SCHEMA, "minItems": 1},
            ]
        }


@dataclass(frozen=True)
class Many(Reader):
    """A list of values of one kind; a single one may stand without the list."""

    each: Reader

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # A list schema, so that a mistake in one entry has that entry's place.
        entries = core_schema.tuple_variable_schema(core_schema.no_info_plain_validator_function(self.each.read))
        return core_schema.no_info_before_validator_function(lambda v: v if isinstance(v, list) else [v], entries)

    def schema(self) -> dict[str, Any]:
        one = self.each.schema()
        return {"anyOf": [one, {"type": "array", "items": one}]}


@dataclass(frozen=True)
class Literal(Reader):
    """A value as JSON has it: unquoted `3`, `true` and `null` mean what they look like, quoted ones are text."""

    def read(self, value: Any) -> str | int | float | bool | None:
        if value is None or not isinstance(value, Plain):
            return None if value is None else scalar(value, "this needs a text, a number, true or false")
        if value in ("true", "false"):
            return bool(value == "true")
        if NUMBER.fullmatch(value):
            return float(value) if "." in value else int(value)
        return str(value)

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean", "null"]}


@dataclass(frozen=True)
class OneOf:
    """A mapping that is told apart by which of its kinds' keys it has; each kind is a model with a `kind`."""

    kinds: tuple[type[Any], ...]
    what: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {kind.kind: handler.generate_schema(kind) for kind in self.kinds}
        union = core_schema.tagged_union_schema(choices, discriminator=self._kind_of)
        return core_schema.no_info_before_validator_function(self._exactly_one, union)

    def _kind_of(self, value: Any) -> str | None:
        return next((kind.kind for kind in self.kinds if kind.kind in value), None)

    def _exactly_one(self, value: Any) -> Any:
        names = [kind.kind for kind in self.kinds]
        if not isinstance(value, dict):
            raise ValueError(f"{self.what} is a mapping with one of: {', '.join(names)}")
        found = [name for name in names if name in value]
        if len(found) > 1:
            raise ValueError(f"{self.what} has one of these keys; this one has {' and '.join(found)}")
        if not found:
            near = next((hint for key in list(value)[:20] if (hint := did_you_mean(key, names))), "")
            raise ValueError(f"{self.what} needs one of: {', '.join(names)}{near}")
        return value


def check_pattern(pattern: str) -> None:
    """ValueError for a pattern that cannot be used."""
    try:
        patterns.check(pattern)
    except WrongUsage as error:
        raise ValueError(": ".join(error.lines())) from None
