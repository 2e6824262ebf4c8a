"""`wd watch` and `wd tick`: the loop, and one pass of it for whoever brings a clock of his own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from watchdog.journal.store import Journal
from watchdog.model.errors import BadConfig
from watchdog.model.incident import Incident
from watchdog.model.playbook import Playbook
from watchdog.policy import locks
from watchdog.report import write as report
from watchdog.steps.report import samples_before
from watchdog.steps.spec import Context, StepResult
from watchdog.system.child.overseer import oversee
from watchdog.watch import log
from watchdog.watch.house import House
from watchdog.watch.loading import load as load_here
from watchdog.watch.loading import load_apart


def watch(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Run the loop until SIGTERM, in a child. BadConfig without a home; Refused if a loop watches it already."""
    load = loader(context, apart=True)
    with locks.loop_lock(context.state, context.selector.service):
        return _oversee(context, options, load)


def _oversee(context: Context, options: Mapping[str, Any], load: Callable[[], tuple[Playbook, ...]]) -> StepResult:
    link = oversee()
    if isinstance(link, int):  # the parent, and the loop is over: what it came to has been shown
        raise SystemExit(link)
    from watchdog.watch.loop import Loop  # not for the parent, which stays small

    log.set_up(context.state, bool(options.get("verbose")))
    house = open_house(context)
    loop = Loop(house, load, ping=options.get("ping") or "", metrics_file=options.get("metrics") or "", link=link)
    loop.listen_to_signals()
    loop.run(before=lambda: close_cut_off(house))
    return StepResult("ok", "stopped")


def tick(context: Context, options: Mapping[str, Any]) -> StepResult:
    """One pass: every probe once, judged with what the passes before saw; trouble is acted on before it returns."""
    from watchdog.watch.tick import one_pass

    playbooks = loader(context)()
    log.set_up(context.state, bool(options.get("verbose")), terminal=False)
    house = open_house(context)
    close_cut_off(house)
    return one_pass(house, playbooks, options.get("metrics") or "")


def loader(context: Context, apart: bool = False) -> Callable[[], tuple[Playbook, ...]]:
    """Reads the playbooks anew each time: of the whole home, or of the one service that was named."""
    home = context.home
    if home is None:
        raise BadConfig(
            "no home was found, so there is nothing to watch",
            "A home is a folder with playbooks/, runbooks/ and logs/.",
            "Name it with --home or $WD_HOME, or make one with `wd init`.",
        )
    name = context.selector.service
    return lambda: load_apart(home, name) if apart else load_here(home, name)


def open_house(context: Context) -> House:
    journal = Journal.open(context.state, warn=lambda text: log.say("", text, "ERROR"))
    return House(context.home, context.state, journal, ask_person=context.ask_within)


def close_cut_off(house: House) -> None:
    """Runs whose wd was killed in the middle: what they came to is written down, and nothing of them is repeated.

    The stretch from kill to start belongs to the shim, which lived on; whether the server is back, the probes tell.
    """
    for incident in house.journal.unfinished():
        house.journal.adopt(incident.id)
        told = f"wd was ended in the middle of {_last_step(incident)}; a shim that was armed has finished without it"
        house.journal.note(incident.id, told, by="wd watch")
        house.journal.close(incident.id, "interrupted")
        written = house.journal.incident(incident.id)
        path = report.write(written, Path(incident.folder), samples_before(house.journal, written))
        house.journal.update(incident.id, report=str(path))
        house.say(incident.service or "", f"{incident.id}: {told}", "WARNING", incident.id)


def _last_step(incident: Incident) -> str:
    return f"the step `{incident.steps[-1].text}`" if incident.steps else "its first step"
