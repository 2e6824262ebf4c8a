"""From Ansible's variables and settings to the words of `ssh`, in the order in which Ansible puts them. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from watchdog.fleet.records import Host

# Each thing that can be set: the variables of a host that set it, the first one wins; then the setting's name.
_NAMES: dict[str, tuple[tuple[str, ...], str]] = {
    "connection": (("ansible_connection",), "DEFAULT_TRANSPORT"),
    "host": (("ansible_ssh_host", "ansible_host"), ""),
    "port": (("ansible_ssh_port", "ansible_port"), "ssh.port"),
    "user": (("ansible_ssh_user", "ansible_user"), "ssh.remote_user"),
    "login": (("ansible_ssh_password", "ansible_ssh_pass", "ansible_password"), "ssh.password"),
    "key": (("ansible_ssh_private_key_file", "ansible_private_key_file"), "ssh.private_key_file"),
    "ssh": (("ansible_ssh_executable",), "ssh.ssh_executable"),
    "args": (("ansible_ssh_args",), "ssh.ssh_args"),
    "common": (("ansible_ssh_common_args",), "ssh.ssh_common_args"),
    "extra": (("ansible_ssh_extra_args",), "ssh.ssh_extra_args"),
    "check": (("ansible_ssh_host_key_checking", "ansible_host_key_checking"), "ssh.host_key_checking"),
    "timeout": (("ansible_ssh_timeout", "ansible_timeout"), "ssh.timeout"),
    "become": (("ansible_become",), "DEFAULT_BECOME"),
    "method": (("ansible_become_method",), "DEFAULT_BECOME_METHOD"),
    "become_user": (("ansible_become_user", "ansible_sudo_user"), "DEFAULT_BECOME_USER"),
    "become_exe": (("ansible_become_exe", "ansible_sudo_exe"), "sudo.become_exe"),
    "become_flags": (("ansible_become_flags", "ansible_sudo_flags"), "sudo.become_flags"),
    "become_password": (("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"), "sudo.become_pass"),
    "python": (("ansible_python_interpreter",), "INTERPRETER_PYTHON"),
    "home": (("wd_home",), ""),
}
USED = tuple(name for names, _ in _NAMES.values() for name in names)
# What ends a link that is dead, and never asks a person. `ssh` takes the first value that it meets: the user's wins.
_LAST = ("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3", "-o", "BatchMode=yes", "-T")
_SUDO = "-H -S -n"
_PATIENCE = 10.0


def settings(dumped: Any) -> dict[str, Any]:
    """What `ansible-config dump` says, by "NAME" for a setting and by "ssh.name" for one of a plugin."""
    found: dict[str, Any] = {}
    for one in dumped:
        if "name" in one:
            found[one["name"]] = one["value"]
            continue
        for plugins in (inner for inner in one.values() if isinstance(inner, list)):
            for plugin in plugins:
                for name, values in plugin.items():
                    found.update({f"{name}.{value['name']}": value["value"] for value in values})
    return found


def is_open(value: Any) -> bool:
    """Whether only Ansible can tell the value: a template, or a secret of a vault."""
    return isinstance(value, dict) or (isinstance(value, str) and ("{{" in value or "{%" in value))


def host(name: str, variables: Mapping[str, Any], changed: Mapping[str, Any]) -> Host:
    """How this host is reached; `trouble` says why it cannot be."""
    value = {key: _value(key, variables, changed) for key in _NAMES}
    kind = str(value["connection"] or "ssh")
    address = str(value["host"] or name)
    where = f"{address}:{value['port']}" if value["port"] else address
    try:
        trouble = _trouble(kind, value)
        link = () if kind == "local" or trouble else tuple(_ssh(address, value))
        become = tuple(_become(value)) if not trouble else ()
    except ValueError as error:  # an open quotation, a number that is none
        trouble, link, become = f"a setting cannot be read: {error}", (), ()
    python = str(value["python"] or "")
    return Host(
        name,
        where,
        link,
        become,
        password=str(value["become_password"] or "") if become else "",
        python="" if python.startswith("auto") else python,
        home=str(value["home"] or ""),
        patience=_PATIENCE if trouble or not value["timeout"] else float(value["timeout"]),
        trouble=trouble,
    )


def _value(key: str, variables: Mapping[str, Any], changed: Mapping[str, Any]) -> Any:
    names, setting = _NAMES[key]
    for name in names:
        if variables.get(name) is not None:
            return variables[name]
    return changed.get(setting)


def _trouble(kind: str, value: Mapping[str, Any]) -> str:
    unread = [key for key, found in value.items() if is_open(found)]
    if unread:
        return f"Ansible did not tell its {', '.join(unread)}: `ansible HOST -m debug` says why"
    if kind not in ("ssh", "ansible.builtin.ssh", "smart", "local", "ansible.builtin.local"):
        return f"wd speaks over ssh, and its connection is {kind}"
    if value["login"] and kind != "local":
        return "wd logs in by key, and the inventory has a password for it"
    if _yes(value["become"]) and _method(value) not in ("sudo", "doas"):
        return f"wd knows sudo and doas, and its become method is {value['method']}"
    return ""


def _ssh(address: str, value: Mapping[str, Any]) -> Iterator[str]:
    yield str(value["ssh"] or "ssh")
    yield from shlex.split(str(value["args"] or ""))
    if value["check"] is not None and not _yes(value["check"]):
        yield from ("-o", "StrictHostKeyChecking=no")
    if value["port"]:
        yield from ("-o", f"Port={int(value['port'])}")
    if value["key"]:
        yield from ("-o", f'IdentityFile="{Path(str(value["key"])).expanduser()}"')
    if value["user"]:
        yield from ("-o", f'User="{value["user"]}"')
    yield from ("-o", f"ConnectTimeout={max(1, round(float(value['timeout'] or _PATIENCE)))}")
    yield from shlex.split(str(value["common"] or ""))
    yield from shlex.split(str(value["extra"] or ""))
    yield from (*_LAST, "--", address)


def _become(value: Mapping[str, Any]) -> Iterator[str]:
    if not _yes(value["become"]):
        return
    method = _method(value)
    yield str(value["become_exe"] or method)
    flags = shlex.split(str(value["become_flags"] if value["become_flags"] is not None else _SUDO))
    if method == "doas":
        yield "-n"
    elif value["become_password"]:
        yield from (*(flag for flag in flags if flag != "-n"), "-p", "")
    else:
        yield from flags
    yield from ("-u", str(value["become_user"] or "root"))


def _method(value: Mapping[str, Any]) -> str:
    return str(value["method"] or "sudo").removeprefix("ansible.builtin.").removeprefix("community.general.")


def _yes(value: Any) -> bool:
    return str(value).lower() in ("true", "yes", "1", "on", "y", "t")
