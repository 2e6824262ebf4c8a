"""`wd notify` of the shell: a message to the people of a service, and `--test`, which tries every channel."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from watchdog.config import playbooks
from watchdog.model.errors import BadConfig, NothingMatched, WrongUsage
from watchdog.model.playbook import Playbook
from watchdog.steps.notify import notify as send_to_people
from watchdog.steps.spec import Context, StepOutcome, StepResult
from watchdog.system.host import messages
from watchdog.text.shown import joined


def notify(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The words to the addresses of one service; with --test the words are names of services."""
    if options.get("test"):
        return _test(context, options)
    service = options.get("service")
    if not options["message"] or not service:
        raise WrongUsage(
            "there is nothing to send" if service else "no service was named, so nobody can be reached",
            todo="Write `wd notify --service NAME TEXT`. To try the channels: `wd notify --test NAME`.",
        )
    return send_to_people(replace(context, playbook=playbooks.service(context.home, service)), options)


def _test(context: Context, options: Mapping[str, Any]) -> StepResult:
    """One message through every address, one line each. Exit 1 if some did not take it, 2 if none did."""
    rows = [row for playbook in _named(context, options) for row in _tried(playbook)]
    if not rows:
        raise NothingMatched(
            "there is no channel to test",
            "no playbook that was looked at has an address in `notify`",
            "Add one, for example: notify: [ntfys://my-topic]",
        )
    good = sum(row["ok"] for row in rows)
    message = f"the test message went through {good} of {len(rows)} channel{'s' if len(rows) > 1 else ''}"
    outcome: StepOutcome = "ok" if good == len(rows) else "warning" if good else "failed"
    data = {"channels": len(rows), "failed": len(rows) - good}
    return StepResult(outcome, message, data, tuple(rows), text=joined([*map(_line, rows), message]))


def _line(row: Mapping[str, Any]) -> str:
    return f"{'ok' if row['ok'] else 'failed':6}  {row['service']}  {row['to']}  {row['error']}".rstrip()


def _named(context: Context, options: Mapping[str, Any]) -> Iterable[Playbook]:
    if names := [*(options.get("message") or ()), *filter(None, [options.get("service")])]:
        return [playbooks.service(context.home, name) for name in dict.fromkeys(names)]
    if context.home is None:
        raise BadConfig("there is no channel to test", "no home was found", "Name one with --home or $WD_HOME.")
    return playbooks.load_all(context.home)


def _tried(playbook: Playbook) -> list[dict[str, Any]]:
    body = f"wd on {platform.node()} tests this channel of {playbook.service}. Nothing is wrong."
    sent = messages.send(playbook.receivers, f"wd: test of {playbook.service}", body)
    return [{"service": playbook.service, "to": one.receiver, "ok": one.ok, "error": one.error} for one in sent]
