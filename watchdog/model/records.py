"""Records that cost almost nothing to define.

`dataclasses.dataclass` writes and compiles up to five functions for a class when its module is imported: half a
millisecond a record, and a command imports a hundred of them, of which it makes few. Here those functions are shared,
and a class gets its own once several of its records were made. Otherwise a record is a dataclass: `replace`, `asdict`,
`fields` and `field` work, and a type checker sees the decorator of the standard library.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, Field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(cls=None, *, frozen=False):
        """Make a record of a class: `@record`, or `@record(frozen=True)` for one that never changes."""
        return (lambda named: _define(named, frozen)) if cls is None else _define(cls, frozen)


_FEW = 8  # records of a class that are made before writing an `__init__` for it pays
_FIELDS, _PARAMS, _MATCH = "__dataclass_fields__", "__dataclass_params__", "__match_args__"


def _define(cls: type, frozen: bool) -> type:
    own = vars(cls)
    methods: dict[str, Any] = {"__repr__": _repr, "__eq__": _equal}
    if frozen:
        methods |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
    for name, method in methods.items():
        if name not in own:
            setattr(cls, name, method)
    if own.get("__hash__") is None:  # a class with an `__eq__` has None here
        cls.__hash__ = _hash if frozen else None  # type: ignore[assignment]
    for name in (_FIELDS, _PARAMS, _MATCH):
        setattr(cls, name, _Later(cls, name))
    cls.__init__ = _first_init(cls)  # type: ignore[misc]
    return cls


class _Shape:
    """The fields of a record class: what `__init__` takes, what is compared."""

    def __init__(self, cls: type) -> None:
        self.fields: dict[str, Any] = {}  # the default of each: a value, a Field, or MISSING
        for base in reversed(cls.__mro__):
            if _FIELDS in vars(base):
                self.fields |= {name: vars(base).get(name, MISSING) for name in base.__annotations__}
        self.factories = {
            name: value.default_factory
            for name, value in self.fields.items()
            if isinstance(value, Field) and value.default_factory is not MISSING
        }
        self.compared = [name for name, value in self.fields.items() if not isinstance(value, Field) or value.compare]
        self.after = getattr(cls, "__post_init__", None)
        self.values = attrgetter(*self.compared) if self.compared else lambda _: ()

    def default(self, name: str) -> Any:
        value = self.fields[name]
        return value.default if isinstance(value, Field) else value

    def fill(self, new: object, values: tuple[Any, ...], named: dict[str, Any]) -> bool:
        """Set the fields of a new record; False if the values do not fit, and nothing is set then."""
        given = dict(zip(self.fields, values, strict=False))
        if (
            len(values) > len(self.fields)
            or not given.keys().isdisjoint(named)
            or not named.keys() <= self.fields.keys()
        ):
            return False
        given |= named
        for name in self.fields:
            if name not in given:
                factory = self.factories.get(name)
                given[name] = factory() if factory else self.default(name)
                if given[name] is MISSING:
                    return False
        for name in self.fields:
            object.__setattr__(new, name, given[name])
        if self.after is not None:
            self.after(new)
        return True

    def settle(self, cls: type) -> None:
        """Write the functions of a class that is used often, as `dataclass` does, with the errors that Python gives.

        A hash stays the same: records may be in a set already.
        """
        names: dict[str, Any] = {"_set": object.__setattr__, "_made": _MADE}
        mine, theirs = (", ".join(f"{who}.{name}" for name in self.compared) for who in ("self", "other"))
        code = (
            f"{self._init_text(names)}\n"
            "def __eq__(self, other):\n"
            f"    return ({mine}) == ({theirs}) if other.__class__ is self.__class__ else NotImplemented\n"
            f"def __hash__(self): return hash(({mine}))\n"
        )
        exec(code, names)
        for name, shared in (("__eq__", _equal), ("__hash__", _hash)):
            if vars(cls)[name] is shared:
                setattr(cls, name, names[name])
        cls.__init__ = names["__init__"]  # type: ignore[misc]

    def _init_text(self, names: dict[str, Any]) -> str:
        takes, sets = ["self"], []
        for name in self.fields:
            value, taken = name, f"{name}=_default_{name}"
            if name in self.factories:
                names[f"_factory_{name}"] = self.factories[name]
                value, taken = f"_factory_{name}() if {name} is _made else {name}", f"{name}=_made"
            elif self.default(name) is MISSING:
                taken = name
            else:
                names[f"_default_{name}"] = self.default(name)
            takes.append(taken)
            sets.append(f"    _set(self, {name!r}, {value})\n")
        if self.after is not None:
            sets.append("    self.__post_init__()\n")
        return f"def __init__({', '.join(takes)}):\n{''.join(sets) or '    pass'}"


_MADE = object()  # stands for a default that a factory makes
_shapes: dict[type, _Shape] = {}


def _shape(cls: type) -> _Shape:
    found = _shapes.get(cls)
    if found is None:
        found = _shapes[cls] = _Shape(cls)
    return found


def _first_init(cls: type) -> Any:
    left = _FEW

    def __init__(self: object, /, *values: Any, **named: Any) -> None:
        nonlocal left
        left -= 1
        shape = _shape(cls)
        if left > 0 and shape.fill(self, values, named):
            return
        shape.settle(cls)
        cls.__init__(self, *values, **named)  # type: ignore[misc]

    return __init__


class _Later:
    """What the functions of `dataclasses` look for on a class, made when one of them asks."""

    def __init__(self, cls: type, name: str) -> None:
        self._class, self._name = cls, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        cls, own = self._class, vars(self._class)
        annotations = cls.__annotations__
        body = {name: own[name] for name in annotations if name in own}
        body |= {"__annotations__": annotations, "__module__": cls.__module__, "__doc__": cls.__name__}
        like_it = type(cls.__name__, cls.__bases__, body)
        made = vars(dataclasses.dataclass(init=False, repr=False, eq=False)(like_it))
        for name in (_PARAMS, _MATCH, _FIELDS):
            setattr(cls, name, made[name])
        return made[self._name]


def _equal(self: object, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    values = _shape(self.__class__).values
    return values(self) == values(other)


def _hash(self: object) -> int:
    return hash(_shape(self.__class__).values(self))


def _repr(self: object) -> str:
    fields = _shape(self.__class__).fields.items()
    shown = (name for name, value in fields if not isinstance(value, Field) or value.repr)
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


def _refuse_to_set(self: object, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
