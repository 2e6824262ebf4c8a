"""Another program runs than the configured one."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.launching import chooses_again, chosen
from watchdog.diagnosis.view import View
from watchdog.model.evidence import OtherChoice
from watchdog.model.finding import Finding

PREVENT = (
    "Fix what chooses the program: a launcher, a service file, a path. A restart would bring the same wrong one "
    "back. Ask the health check for the program's name or version, too."
)


def rule(view: View) -> Iterator[Finding]:
    wanted = view.evidence.configured.cmdline
    if not wanted:
        yield from (_other_choice(view, one) for one in view.evidence.choices if _counts(view, one))
        return
    if not view.evidence.strangers:
        return
    stranger = view.evidence.strangers[-1]
    yield Finding(
        cause="wrong-program",
        certainty="certain",
        summary=f"process {stranger.pid} on the port runs {stranger.shown(120)!r}, not the configured "
        f"{' '.join(wanted)!r}",
        culprit=chosen(view, stranger.parent),
        evidence=(f"processes.json#pid={stranger.pid}",),
        prevent=PREVENT,
    )


def _counts(view: View, choice: OtherChoice) -> bool:
    """A program that the launcher's code names is its usual one, unless the code chooses a second time. Who holds the
    port itself was told what it serves, and launches nothing in its place."""
    if view.is_server(choice.launcher):
        return False
    return choice.pid in view.processes and (not choice.in_its_code or chooses_again(view, choice.launcher))


def _other_choice(view: View, choice: OtherChoice) -> Finding:
    """Without a playbook: what the launcher itself was told. A fallback that its code names may be meant."""
    return Finding(
        cause="wrong-program",
        certainty="likely",
        summary=f"{choice.told_by} tells the launcher (pid {choice.launcher}) to run {choice.told}, and it runs "
        f"{choice.runs} (pid {choice.pid})",
        culprit=chosen(view, choice.launcher),
        evidence=(f"processes.json#pid={choice.pid}",),
        prevent=PREVENT,
        warns=choice.in_its_code,
    )
