"""`notify`: tells the people of the playbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchdog.model.exits import Exit
from watchdog.steps.spec import Context, StepResult
from watchdog.system.host import messages


def notify(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Send the words to every address of the playbook; the run's record names one that cannot be reached."""
    text = " ".join(options["message"])
    playbook = context.playbook
    addresses = playbook.notify if playbook else ()
    if not addresses:
        return StepResult(
            "nothing", f"the playbook names nobody to notify: {text}", {"text": text, "receivers": []}, exit=Exit.FINE
        )
    if context.dry_run:
        receivers = ", ".join(messages.private(address) for address in addresses)
        return StepResult("planned", f"would notify {receivers}: {text}", {"text": text})
    title = f"wd: {playbook.service}" if playbook else "wd"
    body = f"{text}\nincident {context.incident}" if context.incident else text
    sent = messages.send(addresses, title, body)
    data = {"text": text, "receivers": [{"to": one.receiver, "ok": one.ok, "error": one.error} for one in sent]}
    failed = [f"{one.receiver} {one.error}" for one in sent if not one.ok]
    if not failed:
        return StepResult("ok", f"notified {len(sent)} receiver{'s' if len(sent) > 1 else ''}", data)
    if len(failed) < len(sent):
        return StepResult("warning", f"not everybody was notified: {'; '.join(failed)}", data)
    return StepResult("failed", f"nobody was notified: {'; '.join(failed)}", data)
