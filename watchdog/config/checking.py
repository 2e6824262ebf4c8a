"""The bytes of a playbook to a checked record: all mistakes at once, each with its place and what would be right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from watchdog.config import yaml
from watchdog.config.kinds import CHECKS, GROWING, PROBES, TRIGGERS, Section
from watchdog.config.mistakes import did_you_mean, listed, shown
from watchdog.config.schema import PlaybookFile
from watchdog.config.to_model import playbook
from watchdog.library import shelf
from watchdog.model.playbook import Playbook

_KINDS: dict[str, tuple[type[Any], ...]] = {"probes": PROBES, "checks": CHECKS, "triggers": TRIGGERS}
_NO_PROBES = {"death": "the end of the server", "alert": "an alert that comes to the page"}
_SECRET = ("env", "notify", "command", "fallback")  # values behind these keys are never shown


def check(content: bytes, path: Path, home: Path) -> tuple[yaml.Document, Playbook | None]:
    """What a file's bytes say: the document with its mistakes, and the record if there are none. Never raises."""
    document = yaml.read(content, str(path))
    if not document.usable:
        return document, None
    checked = None
    try:
        checked = PlaybookFile.model_validate(document.data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            _note(document, one)
    if isinstance(document.data, dict):
        for place, message in _strangers(document.data, shelf.names("runbooks", home)):
            document.mistake(place, message, shown(_at(document.data, place)))
    if document.mistakes or checked is None:
        return document, None
    return document, playbook(checked, home.absolute(), path)


def _note(document: yaml.Document, error: Mapping[str, Any]) -> None:
    """One of pydantic's errors as a mistake of ours."""
    steps = list(error["loc"])
    at_key = bool(steps) and steps[-1] == "[key]"
    if at_key:
        steps.pop()
    if len(steps) > 2 and (steps[0] in _KINDS or steps[0] == "notify"):
        del steps[2]  # the kind, which stands in no file
    path = tuple(steps)
    kind, value = error["type"], error["input"]
    got = None if isinstance(value, dict | list) or set(_SECRET) & set(map(str, path)) else shown(value)
    if kind == "extra_forbidden":
        known = sorted(_keys(document.data, path[:-1]))
        message = f"unknown key{did_you_mean(str(path[-1]), known)}; known here: {listed(known)}"
        document.mistake(path, message, at_key=True)
    elif kind == "missing":
        document.mistake(path, "this key is missing")
    elif kind == "value_error":
        document.mistake(path, str(error["ctx"]["error"]), shown(path[-1]) if at_key else got, at_key=at_key)
    elif kind in ("model_type", "model_attributes_type", "dict_type"):
        document.mistake(path, "this needs a mapping: lines of `key: value`", shown(value))
    elif kind in ("list_type", "tuple_type"):
        document.mistake(path, "this needs a list: lines that begin with `- `", shown(value))
    else:
        document.mistake(path, str(error["msg"]), got)


def _keys(data: Any, path: yaml.Path) -> set[str]:
    """The keys that may stand in the mapping at this path."""
    model: type[Section] = PlaybookFile
    for depth, step in enumerate(path):
        if depth == 1 and path[0] in _KINDS:
            entry = _at(data, path[:2])
            model = next((kind for kind in _KINDS[str(path[0])] if kind.kind in entry), Section)
        elif isinstance(step, str) and not (depth == 0 and step in _KINDS):
            inner = next((field for key, field in model.model_fields.items() if (field.alias or key) == step), None)
            annotation = inner.annotation if inner else None
            arguments = getattr(annotation, "__args__", ())
            model = next((one for one in (annotation, *arguments) if _is_section(one)), Section)
    return {field.alias or key for key, field in model.model_fields.items()}


def _is_section(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, Section)


def _at(data: Any, path: yaml.Path) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _entries(data: Mapping[str, Any], section: str) -> Iterator[tuple[yaml.Path, Mapping[str, Any]]]:
    """The mappings of a section with their paths, whatever else is wrong with the file."""
    found = data.get(section)
    pairs = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for step, entry in pairs:
        if isinstance(entry, dict):
            yield (section, step), entry


def _strangers(data: Mapping[str, Any], runbooks: tuple[str, ...]) -> Iterator[tuple[yaml.Path, str]]:
    """What each part says of another one: names that nobody has, and values that another part must give."""
    probes = {str(path[1]): entry for path, entry in _entries(data, "probes")}
    has_port = bool(_at(data, ("find", "port")))
    has_logs = bool(data.get("logs"))
    for path, entry in _entries(data, "probes"):
        if path[1] in _NO_PROBES:
            yield path, f"a probe cannot be called {path[1]}: `on: {path[1]}` means {_NO_PROBES[path[1]]}"
        if str(entry.get("http") or "").startswith("/") and not has_port:
            yield (*path, "http"), "a path alone needs find.port"
        if "log" in entry and not (has_logs or entry.get("file") or entry.get("silence")):
            yield (*path, "log"), "the service has no logs to look in: give `logs`, or `file` here"
    for key in ("url", "warm_up"):
        if str(_at(data, ("start", "ready", key)) or "").startswith("/") and not has_port:
            yield ("start", "ready", key), "a path alone needs find.port"
    for path, entry in _entries(data, "triggers"):
        yield from _of_trigger(path, entry, probes, has_logs)
        run = entry.get("run")
        for step, name in enumerate(run) if isinstance(run, list) else [(None, run)]:
            if isinstance(name, str) and name not in runbooks:
                hint = did_you_mean(name, runbooks) or f"; there are: {listed(runbooks)}"
                yield (*path, "run", *([] if step is None else [step])), f"there is no such runbook{hint}"


def _of_trigger(
    path: yaml.Path, entry: Mapping[str, Any], probes: Mapping[str, Mapping[str, Any]], has_logs: bool
) -> Iterator[tuple[yaml.Path, str]]:
    named = entry.get("on")
    if isinstance(named, str) and named not in (*_NO_PROBES, *probes):
        hint = did_you_mean(named, [*probes, *_NO_PROBES]) or f"; there are: {listed([*probes, *_NO_PROBES])}"
        yield (*path, "on"), f"there is no such probe{hint}"
    measured = entry.get("trend")
    if isinstance(measured, str) and not any(kind in probes.get(measured, {}) for kind in GROWING):
        yield (*path, "trend"), f"this needs a probe of one of the kinds {', '.join(GROWING)}"
    if "log" in entry and not (has_logs or entry.get("file")):
        yield (*path, "log"), "the service has no logs to look in: give `logs`, or `file` here"
