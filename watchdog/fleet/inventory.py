"""The hosts of an inventory as Ansible reads it: Ansible's own programs are asked, nothing of it is imported."""

from __future__ import annotations

import json
import re
import shutil
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from watchdog.fleet import connection
from watchdog.fleet.records import Host
from watchdog.fleet.side_by_side import side_by_side
from watchdog.model.errors import BadConfig, CannotTell, NothingMatched
from watchdog.system.child import commands

_WITHIN = 120.0  # seconds for one program: an inventory may be a script that asks a cloud
_MOST = 256 << 20  # bytes of an inventory
_SETTINGS = ("ansible-config", "dump", "-t", "all", "--only-changed", "-f", "json")
_REPLY = re.compile(r"^(\S+) \| SUCCESS => (?=\{)", re.MULTILINE)
_NOISE = ("[DEPRECATION WARNING]", "[WARNING]: Deprecation")
_SURROUNDINGS = {
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_LOAD_CALLBACK_PLUGINS": "0",
    "LC_ALL": "C.UTF-8",  # it refuses to start in any other
}


def hosts(inventories: Sequence[str], limit: str | None) -> tuple[Host, ...]:
    """Each host once, in the inventory's order. NothingMatched if there is none."""
    sources = [word for one in inventories for word in ("-i", one)]
    chosen = ["--limit", limit] if limit else []
    questions = [("ansible-inventory", *sources, *chosen, "--list"), _SETTINGS]
    told = dict(side_by_side(lambda words: (words[0], _json(_told(*words))), questions, len(questions)))
    listed = told["ansible-inventory"]
    variables = _variables(listed)
    if not variables:
        todo = "`ansible-inventory --graph` shows its groups and hosts."
        raise NothingMatched(f"no host in the inventory{f' matches {limit}' if limit else ''}", todo=todo)
    settings = connection.settings(told["ansible-config"])
    _fill_in(variables, sources)
    return _once([connection.host(name, found, settings) for name, found in variables.items()])


def _once(found: Sequence[Host]) -> tuple[Host, ...]:
    """Two names that lead to one address, as one user and with one home of wd, are one host."""
    by_way: dict[tuple[Any, ...], Host] = {}
    for one in found:
        way = (one.name,) if one.trouble else (one.address, one.link, one.become, one.home)
        first = by_way.get(way)
        by_way[way] = replace(first, also=(*first.also, one.name)) if first else one
    return tuple(by_way.values())


def _variables(listed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By host, in the order of the groups."""
    known = (listed.get("_meta") or {}).get("hostvars") or {}
    return {name: dict(known.get(name) or {}) for name in dict.fromkeys(_names(listed, "all", set()))}


def _names(listed: Mapping[str, Any], group: str, seen: set[str]) -> Iterator[str]:
    if group in seen:
        return
    seen.add(group)
    inside = listed.get(group) or {}
    yield from inside.get("hosts") or ()
    for child in inside.get("children") or ():
        yield from _names(listed, child, seen)


def _fill_in(variables: Mapping[str, dict[str, Any]], sources: Sequence[str]) -> None:
    """Variables that are templates or in a vault: only Ansible itself knows their values, so it is asked for those."""
    open_names = {name: _templates(found) for name, found in variables.items()}
    wanted = sorted({key for keys in open_names.values() for key in keys})
    if not wanted:
        return
    inside = ", ".join(f'"{key}": {key} | default(none)' for key in wanted)
    pattern = ",".join(name for name, keys in open_names.items() if keys)
    task = json.dumps({"msg": f"{{{{ {{{inside}}} | to_json }}}}"})
    output = _told("ansible", *sources, pattern, "-m", "ansible.builtin.debug", "-a", task, partly=True)
    for found in _REPLY.finditer(output):
        told = json.JSONDecoder().raw_decode(output, found.end())[0].get("msg")
        values = json.loads(told) if isinstance(told, str) else told
        variables[found[1]].update({key: values[key] for key in open_names[found[1]]})


def _templates(variables: Mapping[str, Any]) -> list[str]:
    return [key for key in connection.USED if key in variables and connection.is_open(variables[key])]


def _program(name: str) -> str:
    """Of wd's own installation, else the one that a person would call."""
    own = Path(sysconfig.get_path("scripts"), name)
    found = str(own) if own.is_file() else shutil.which(name)
    if found is None:
        raise CannotTell(
            f"{name} is not installed",
            "Ansible reads the inventory; it is an extra of wd.",
            "Install it: pip install 'wd-oncall[fleet]' (pipx: pipx inject wd-oncall ansible-core)",
        )
    return found


def _told(name: str, *words: str, partly: bool = False) -> str:
    """What the program prints. `partly`: it may fail for some hosts."""
    surroundings = {**commands.our_environment(), **_SURROUNDINGS}
    done = commands.run([_program(name), *words], timeout=_WITHIN, env=surroundings, limit=_MOST, apart=True)
    if done.ok or (partly and done.code is not None):
        return done.output
    said = [line.strip() for line in done.errors.splitlines() if line.strip() and not line.startswith(_NOISE)]
    why = f"no answer within {_WITHIN:g} s" if done.timed_out else done.error or "; ".join(said[-2:])
    raise BadConfig(f"{name} cannot read the inventory", why, "`ansible-inventory --list` shows all that it says.")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadConfig("the answer of Ansible is not JSON", str(error)) from error
