"""`notify`: tells the people of the playbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchdog.model.exits import Exit
from watchdog.model.routes import Severity
from watchdog.policy.deciding import local_time
from watchdog.policy.routes import chosen
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.system.host import messages
from watchdog.text.language import speaking


def notify(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Send the words through the playbook's routes; the run's record names each address that did not take them."""
    text = " ".join(options["message"])
    severity: Severity = options.get("severity") or "critical"
    playbook = context.playbook
    routes = chosen(playbook.notify, severity, local_time(clock.now())) if playbook else ()
    if not routes:
        why = "no route of the playbook is open for it" if playbook and playbook.notify else "the playbook names nobody"
        return StepResult("nothing", f"{why}: {text}", {"text": text, "receivers": []}, exit=Exit.FINE)
    if context.dry_run:
        receivers = ", ".join(messages.private(route.to[0]) for route in routes)
        return StepResult("planned", f"would notify {receivers}: {text}", {"text": text})
    title = f"wd: {playbook.service}" if playbook else "wd"
    sent = messages.deliver([route.to for route in routes], title, _body(context, text), severity)
    tries = [{"to": one.receiver, "ok": one.ok, "error": one.error} for delivery in sent for one in delivery.tries]
    data = {"text": text, "severity": severity, "receivers": tries}
    failed = "; ".join(filter(None, (delivery.failed for delivery in sent)))
    good = sum(delivery.ok for delivery in sent)
    if good == len(sent):
        instead = f" (instead of {failed})" if failed else ""
        return StepResult("ok", f"notified {good} receiver{'s' if good > 1 else ''}{instead}", data)
    if good:
        return StepResult("warning", f"not everybody was notified: {failed}", data)
    return StepResult("failed", f"nobody was notified: {failed}", data)


def _body(context: Context, text: str) -> str:
    """With what the incident knows by now: cause, guilty line, what was done, where to read on."""
    if context.journal is None or context.incident is None:
        return text
    from watchdog.report import message  # here: only a run has an incident

    with speaking(context.language):
        return f"{text}\n{message.facts(context.journal.incident(context.incident), context.journal.page)}"
