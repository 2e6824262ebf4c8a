"""What stands between the two `---` at the top of a runbook: its summary and its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from watchdog.config import yaml
from watchdog.config.mistakes import Mistake, did_you_mean, shown
from watchdog.model.procedure import Parameter
from watchdog.model.records import record

KEYS = ("name", "summary", "parameters")
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TAKEN = ("self", "service")  # Jinja's own, and the one that every run fills in


@record(frozen=True)
class Header:
    """All fields may be empty: an ordinary Markdown procedure has no header."""

    summary: str = ""
    parameters: tuple[Parameter, ...] = ()


def split(text: str) -> tuple[str, str]:
    """(header, document): the document keeps as many empty lines as the header had, so that line numbers stay true."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return "", text
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), None)
    if end is None:
        return "", text
    return "\n".join(lines[1:end]), "\n" * (end + 1) + "\n".join(lines[end + 1 :])


def read(text: str, file: str, name: str, *, strict: bool) -> tuple[Header, list[Mistake]]:
    """The header and what is wrong with it. Without `strict` keys of other tools (title, tags) are passed over."""
    if not text.strip():
        return Header(), []
    document = yaml.read(text.encode(), file, first_line=2)
    if not document.usable or document.data is None:
        return Header(), document.mistakes if strict else []
    if not isinstance(document.data, dict):
        document.mistake((), "the header needs lines of `key: value`", shown(document.data))
        return Header(), document.mistakes
    data = document.data
    for key in data:
        if key not in KEYS:
            document.mistake(
                (key,), f"unknown key{did_you_mean(key, KEYS)}; known here: {', '.join(KEYS)}", at_key=True
            )
    if data.get("name") not in (None, name):
        document.mistake(("name",), f"the name is that of the file: {name}, or no name at all", shown(data["name"]))
    summary = data.get("summary")
    if summary is not None and not isinstance(summary, str):
        document.mistake(("summary",), "this needs a text", shown(summary))
    parameters = _parameters(document, data.get("parameters"))
    header = Header(" ".join(summary.split()) if isinstance(summary, str) else "", parameters)
    return header, document.mistakes if strict else []


def _parameters(document: yaml.Document, found: Any) -> tuple[Parameter, ...]:
    if found is None:
        return ()
    if not isinstance(found, Mapping):
        document.mistake(("parameters",), "this needs a mapping: `name: default`", shown(found))
        return ()
    parameters = []
    for name, says in found.items():
        path = ("parameters", name)
        if not _PARAMETER.fullmatch(name) or name in _TAKEN:
            right = f"a parameter's name is of small letters, digits and _, and none of {', '.join(_TAKEN)}"
            document.mistake(path, right, shown(name), at_key=True)
        default, text = says, ""
        if isinstance(says, Mapping):
            for key in says:
                if key not in ("default", "help"):
                    document.mistake((*path, key), "known here: default, help", at_key=True)
            default, text = says.get("default"), says.get("help") or ""
        if not isinstance(default, str | None) or not isinstance(text, str):
            document.mistake(path, "this needs a default, or `default` and `help`", shown(says))
            continue
        parameters.append(Parameter(name, None if default is None else str(default), " ".join(text.split())))
    return tuple(parameters)
