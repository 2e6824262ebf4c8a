"""Writes the playbook of an observed server, as a person would: short, with a comment where a person must decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from watchdog.commands.observed import Observed
from watchdog.text.units import counted


def playbook_text(found: Observed) -> str:
    """YAML with every value quoted, so that no value is read as anything but itself."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Observed) -> Iterator[str]:
    yield "# Made by `wd init` from the running server. Read it once, then: `wd validate --here`"
    yield f"service: {_quoted(found.service)}"
    port = f"port: {found.port}" if found.port else ""
    words = f"cmdline: {_quoted(' '.join(found.words))}" if found.words else ""
    cwd = f"cwd: {_quoted(found.cwd)}" if found.cwd and not found.port else ""
    yield f"find: {{{', '.join(filter(None, (port, words, cwd)))}}}"
    yield from _start(found)
    if found.logs:
        yield f"logs: {_quoted(list(found.logs))}"
    yield "probes:"
    yield f"  health: {_probe(found)}"
    yield "triggers:"
    yield "  - {on: health, run: frozen-server}"
    yield "  - {on: death, run: dead-server}"
    yield "policy: {mode: observe}  # first see what it would do; then ask, then act"


def _start(found: Observed) -> Iterator[str]:
    yield "start:"
    if found.through:
        yield f"  through: {_quoted(found.through)}"
        return
    yield f"  command: {_quoted(list(found.command))}"
    if found.cwd:
        yield f"  cwd: {_quoted(found.cwd)}"
    if found.user:
        yield f"  user: {_quoted(found.user)}"
    if found.env:
        yield f"  env: {_quoted(dict(found.env))}"
    if found.other_names:
        yield f"  # It also has {', '.join(found.other_names)}. What it needs of these belongs into a file:"
        yield "  # env_file: /path/to/the.env"


def _probe(found: Observed) -> str:
    if found.page:
        return f"{{http: {_quoted(found.page)}, every: 10s, timeout: 5s, fails: 3}}"
    if found.port:
        return f"{{tcp: {found.port}, every: 10s, timeout: 5s, fails: 3}}"
    return f"{{process: 1, every: 10s, fails: 3}}  # at least one; {counted(found.processes, 'process')} now"


def _quoted(value: Any) -> str:
    """JSON is YAML."""
    return json.dumps(value)
