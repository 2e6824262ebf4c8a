"""`wd watch` runs the loop. `wd tick` makes one pass of it, for cron and other schedulers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from watchdog.journal.store import Journal
from watchdog.model.errors import BadConfig, CannotTell
from watchdog.model.incident import Incident
from watchdog.policy import lock_files
from watchdog.report import write as report
from watchdog.steps.report import samples_before
from watchdog.steps.spec import Context, StepResult
from watchdog.system.child.overseer import Link, oversee
from watchdog.watch import log
from watchdog.watch.loading import Load, fingerprint, load_apart
from watchdog.watch.loading import load as load_here
from watchdog.watch.loop_state import LoopState
from watchdog.watch.messenger import Messenger


def watch(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Run the loop until SIGTERM, in a child. BadConfig without a home; Refused if a loop watches it already."""
    load = loader(context, apart=True)
    with _only_loop(context):
        link = oversee()
        if isinstance(link, int):  # the parent, and the loop is over: what it came to has been shown
            raise SystemExit(link)
        return _loop(context, options, load, link)


def _loop(context: Context, options: Mapping[str, Any], load: Load, link: Link) -> StepResult:
    from watchdog.watch.loop import Loop  # not for the parent, which stays small

    log.set_up(context.state, bool(options.get("verbose")))
    state = open_state(context)
    loop = Loop(
        state,
        load,
        changes=lambda: fingerprint(context.home),
        ping=options.get("ping") or "",
        metrics_file=options.get("metrics") or "",
        link=link,
        page=options.get("page") or (),
    )
    loop.listen_to_signals()
    loop.run(before=lambda: close_cut_off(state))
    return StepResult("ok", "stopped")


@contextlib.contextmanager
def _only_loop(context: Context) -> Iterator[None]:
    """Refused if another loop watches this home: both would act on the same trouble. On a full disk it goes on."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock_files.loop_lock(context.state, context.selector.service))
        except CannotTell as error:
            context.say(f"a second loop in this home would not be noticed: {error.why}")
        yield


def tick(context: Context, options: Mapping[str, Any]) -> StepResult:
    """One pass: every probe once, judged with what the passes before saw; trouble is acted on before it returns."""
    from watchdog.watch.tick import one_pass

    playbooks = loader(context)()
    log.set_up(context.state, bool(options.get("verbose")), terminal=False)
    state = open_state(context)
    close_cut_off(state)
    return one_pass(state, playbooks, options.get("metrics") or "")


def loader(context: Context, apart: bool = False) -> Load:
    """Reads the playbooks again each time: of the whole home, or of the one service that was named."""
    home = context.home
    if home is None:
        raise BadConfig(
            "no home was found, so there is nothing to watch",
            "A home is a folder with playbooks/, runbooks/ and logs/.",
            "Name it with --home or $WD_HOME, or make one with `wd init`.",
        )
    name = context.selector.service
    return lambda: load_apart(home, name) if apart else load_here(home, name)


def open_state(context: Context) -> LoopState:
    journal = Journal.open(context.state, warn=lambda text: log.say("", text, "ERROR"))
    messenger = Messenger(say=lambda text, level: log.say("", text, level), page=lambda: journal.page)
    return LoopState(context.home, context.state, journal, ask_person=context.ask_within, messenger=messenger)


def close_cut_off(state: LoopState) -> None:
    """Runs whose wd was killed in the middle: what they came to is written down, and nothing of them is repeated.

    The stretch from kill to start belongs to the shim, which lived on; whether the server is back, the probes tell.
    """
    for incident in state.journal.unfinished():
        state.journal.adopt(incident.id)
        told = f"wd was ended in the middle of {_last_step(incident)}; a shim that was armed has finished without it"
        state.journal.note(incident.id, told, by="wd watch")
        state.journal.close(incident.id, "interrupted")
        written = state.journal.incident(incident.id)
        path = report.write(written, Path(incident.folder), samples_before(state.journal, written))
        state.journal.update(incident.id, report=str(path))
        state.say(incident.service or "", f"{incident.id}: {told}", "WARNING", incident.id)


def _last_step(incident: Incident) -> str:
    return f"the step `{incident.steps[-1].text}`" if incident.steps else "its first step"
