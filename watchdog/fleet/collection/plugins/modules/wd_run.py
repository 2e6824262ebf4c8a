#!/usr/bin/python
"""Runs a runbook of wd on a host, once for an id. Ansible sends this file to the host and runs it there."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: wd_run
short_description: Run a runbook of wd on a host, once for an id
version_added: 0.1.0
author: The authors of wd
description:
  - Asks the C(wd) of the host for a run, waits for its end, and packs its evidence as one archive on the host.
  - The run belongs to the host. It has a deadline and a lock, and goes on if the link breaks.
  - The same id again waits for the same run or gives its result. It starts nothing.
  - The task fails where the run has failed, after the archive is made. The role M(wd.oncall.run) fetches it first.
options:
  runbook:
    description: The runbook, of the home of wd on the host or one that wd ships.
    type: str
    required: true
  id:
    description: The id of the run, of letters, digits, points and dashes.
    type: str
    required: true
  service:
    description: The service of the home on the host.
    type: str
  port:
    description: The port of the server, where there is no service.
    type: int
  home:
    description: The home of wd on the host.
    type: path
  parameters:
    description: Parameters of the runbook.
    type: dict
    default: {}
  assume_yes:
    description: Answer every question with yes.
    type: bool
    default: false
  deadline:
    description: Seconds after which the run is ended on the host.
    type: int
    default: 900
  program:
    description: The path of C(wd-oncall) on the host, by default as PATH and C(~/.local/bin) have it.
    type: path
requirements:
  - wd-oncall of the version of this collection on the host
attributes:
  check_mode:
    support: full
    description: Prints the plan of the run.
"""

EXAMPLES = r"""
- name: Cure the service shop
  wd.oncall.wd_run:
    runbook: frozen-server
    service: shop
    id: night-1
  register: cured
"""

RETURN = r"""
stage:
  description: C(ok), C(failed), or C(planned) in check mode.
  type: str
  returned: always
outcome:
  description: What the run came to, such as C(recovered), C(refused), or C(healthy) where nothing was to be done.
  type: str
  returned: always
known:
  description: The run had begun before this task.
  type: bool
  returned: when a run has begun
cause:
  description: The cause of the trouble, with its line.
  type: str
  returned: when the run has ended
incident:
  description: The id of the incident on the host.
  type: str
  returned: when the run has ended
seconds:
  description: How long the run took.
  type: float
  returned: when the run has ended
files:
  description: The evidence, each with path, bytes, sha256 and error.
  type: list
  elements: dict
  returned: when the run has ended
archive:
  description: The path of the archive of these files on the host.
  type: path
  returned: when there are files
archive_sha256:
  description: The hash of the archive.
  type: str
  returned: when there are files
"""

PROGRAM = "wd-oncall"


class Failure(Exception):
    """wd could not be asked."""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "runbook": {"type": "str", "required": True},
            "id": {"type": "str", "required": True},
            "service": {"type": "str"},
            "port": {"type": "int"},
            "home": {"type": "path"},
            "parameters": {"type": "dict", "default": {}},
            "assume_yes": {"type": "bool", "default": False},
            "deadline": {"type": "int", "default": 900},
            "program": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        told = plan(module) if module.check_mode else run(module)
    except Failure as failure:
        module.fail_json(msg=str(failure), stage="failed", outcome="failed", changed=False)
    if told["stage"] == "failed":
        module.fail_json(**told)
    module.exit_json(**told)


def plan(module: Any) -> dict[str, Any]:
    """What the run would do. Nothing is begun."""
    lines, reason = ask(module, [*words_of(module.params), "--dry-run", "-o", "json"])
    if not lines or "outcome" not in lines[-1]:
        raise Failure(reason)
    result = lines[-1]
    planned = result["outcome"] == "planned"
    message = result.get("message") or (result.get("error") or {}).get("what") or reason
    stage = "planned" if planned else "failed"
    return {"stage": stage, "outcome": result["outcome"], "msg": message, "changed": planned}


def run(module: Any) -> dict[str, Any]:
    """Begin the run, unless it has begun, wait for its end, and pack its evidence."""
    words = [*words_of(module.params), "-o", "json"]
    order = {"id": module.params["id"], "words": words, "deadline": module.params["deadline"], "begin": True}
    lines, reason = ask(module, ["fleet", "host", "follow"], order)
    states = [line for line in lines if "state" in line]
    last = states[-1] if states else {}
    if last.get("state") == "lost":
        message = "the run there was cut off: did the machine restart?"
        return {"stage": "failed", "outcome": "failed", "known": last["known"], "msg": message, "changed": False}
    if last.get("state") != "ended":
        raise Failure(reason)
    told = {key: last[key] for key in ("stage", "outcome", "known", "cause", "incident", "seconds")}
    before = ". It is the result of an earlier call with this id" if last["known"] else ""
    told["msg"] = f"{last['outcome']}: {last['text']}{before}"
    told["changed"] = not last["known"] and last["outcome"] != "healthy"
    told["files"] = [{key: one[key] for key in ("path", "bytes", "sha256", "error")} for one in last["files"]]
    return {**told, **packed(module)} if told["files"] else told


def packed(module: Any) -> dict[str, Any]:
    lines, reason = ask(module, ["fleet", "host", "pack"], {"id": module.params["id"]})
    found = next((line for line in lines if "archive" in line), None)
    return {"archive": found["archive"], "archive_sha256": found["sha256"]} if found else {"archive_error": reason}


def words_of(params: dict[str, Any]) -> list[str]:
    """The command of wd that is run."""
    words = ["run", params["runbook"]]
    for name in ("service", "port"):
        if params[name] is not None:
            words += [f"--{name}", str(params[name])]
    for name, value in sorted(params["parameters"].items()):
        words += ["--set", f"{name}={value}"]
    return words + ["--yes"] * params["assume_yes"]


def ask(module: Any, words: list[str], order: dict[str, Any] | None = None) -> tuple[list[dict[str, Any]], str]:
    """The objects that wd prints, and why it says no more."""
    local = os.path.expanduser("~/.local/bin")  # noqa: PTH111 - as all modules of Ansible
    program = module.params["program"] or module.get_bin_path(PROGRAM, opt_dirs=[local])
    if program is None:
        raise Failure(f"{PROGRAM} is not installed here. The role wd.oncall.run can do it: wd_oncall_package")
    home = {"WD_HOME": module.params["home"]} if module.params["home"] else {}  # the run there inherits it
    data = json.dumps(order) + "\n" if order else None
    try:
        code, output, errors = module.run_command(
            [program, *words], data=data, environ_update=home, handle_exceptions=False
        )
    except OSError as error:
        raise Failure(f"{program} cannot be run: {error}") from error
    lines: list[dict[str, Any]] = []
    for line in output.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            lines.append(found)
    said = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines, "; ".join(said[-3:]) or f"{program} ended with {code} and gave no result"


if __name__ == "__main__":
    main()
