"""One pass over all services, for cron, systemd timers and the Task Scheduler: a monitoring plugin as it stands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from watchdog.model.exits import Exit, exit_of
from watchdog.model.incident import Desired, Trigger
from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.policy.deciding import FREE_AGAIN
from watchdog.steps.spec import StepOutcome, StepResult
from watchdog.system import clock
from watchdog.system.process import processes
from watchdog.system.shim import records
from watchdog.text.units import counted
from watchdog.watch import looking, metrics
from watchdog.watch.acting import Runs
from watchdog.watch.alerts import Alerts
from watchdog.watch.forwarder import Forwarder
from watchdog.watch.heartbeat import Heartbeat
from watchdog.watch.loop_messages import LookAgain, Trouble
from watchdog.watch.loop_state import KEY, LoopState
from watchdog.watch.rounds import Rounds
from watchdog.watch.service_record import is_meant, record
from watchdog.watch.watched import Watched, death_triggers, from_text

Work = Callable[[], None]
AT_ONCE = 32  # services that are asked at the same time
_WORDS = {Exit.FINE: "OK", Exit.WARNING: "WARNING", Exit.CRITICAL: "CRITICAL", Exit.UNKNOWN: "UNKNOWN"}
_OUTCOMES: dict[Exit, StepOutcome] = {Exit.FINE: "ok", Exit.WARNING: "warning", Exit.CRITICAL: "failed"}


def one_pass(state: LoopState, playbooks: Sequence[Playbook], metrics_file: str = "") -> StepResult:
    """Ask every probe once, then act on trouble; both for several services side by side."""
    boot, begun = processes.boot_id(), clock.monotonic()
    state.journal.end_the_future()
    state.waits = False
    texts = {one.service: state.journal.kept(one.service, KEY) for one in playbooks}
    state.services = {
        one.service: from_text(one, texts[one.service], boot, records.folder(state.folder, one.service))
        for one in playbooks
    }
    heart = Heartbeat()
    heart.start()
    work, waiting = list[Work](), list[Work]()
    # What the loop does beside is done when all are asked; a service that finds no free place comes right after.
    state.away, state.beside = heart.away, work.append
    state.later = lambda seconds, again: waiting.append(again) if seconds <= FREE_AGAIN else None
    runs, rounds = Runs(state), Rounds(state)
    _side_by_side([lambda one=watched: _look_at(state, rounds, one) for watched in state.services.values()])  # type: ignore[misc]
    Forwarder(state).confirm_alerts()
    Alerts(state).look()
    while work or waiting or not state.messages.empty():
        _decide(state, runs, rounds)
        now, work[:] = list(work), []
        _side_by_side(now)
        if not work and waiting:
            waiting.pop(0)()
    heart.stop()
    state.messenger.send_now()
    for watched in state.services.values():
        watched.dirty = True
    state.store()
    metrics.write(state, metrics_file)
    return _told(state, clock.monotonic() - begun)


def _look_at(state: LoopState, rounds: Rounds, watched: Watched) -> None:
    """Ask every probe. That nothing runs and nobody has the port is certain at once: no count is waited for."""
    triggers = death_triggers(watched.playbook)
    if triggers:
        looking.refresh(watched)
    for spec in watched.specs:
        rounds.ask(watched, spec)
    if triggers and looking.runs_nowhere(watched) and not state.in_other_hands(watched):
        cause = Trigger("death", "nothing of it runs", "wd tick", _last_failure(watched))
        for trigger in triggers:
            state.messages.put(Trouble(watched, trigger, cause))


def _decide(state: LoopState, runs: Runs, rounds: Rounds) -> None:
    while not state.messages.empty():
        match state.messages.get():
            case LookAgain(Trouble(watched=watched, spec=ProbeSpec() as spec)):
                rounds.ask(watched, spec)
            case LookAgain(trouble) | (Trouble() as trouble):
                runs.decide(trouble)


def _last_failure(watched: Watched) -> float | None:
    """Since when its probes fail, in seconds since the epoch; None where they have not been asked before."""
    since = watched.failing_since
    return clock.now() - (clock.monotonic() - since) if since is not None else None


def _side_by_side(work: Sequence[Work]) -> None:
    """All of it, so many at a time; each question has its own deadline, so this has one too."""
    waiting = list(work)
    lock = threading.Lock()

    def go_on() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                mine = waiting.pop()
            mine()

    threads = [threading.Thread(target=go_on, daemon=True) for _ in range(min(AT_ONCE, len(waiting)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _told(state: LoopState, seconds: float) -> StepResult:
    """The worst state as exit code, one line with performance data for a plugin's reader, a record for JSON's."""
    wanted = {name: state.journal.desired(name) for name in state.services}
    states = {name: _exit(watched, wanted[name]) for name, watched in state.services.items()}
    order = (Exit.CRITICAL, Exit.UNKNOWN, Exit.WARNING, Exit.FINE)
    worst = next((code for code in order if code in states.values()), Exit.UNKNOWN)
    rows = [record(watched, wanted[name]) for name, watched in state.services.items()]
    bad = [f"{row['service']}: {row['message']}" for row in rows if row["state"] != "ok"]
    fine = sum(code is Exit.FINE for code in states.values())
    said = "; ".join(bad[:5]) or f"{counted(fine, 'service')} {'is' if fine == 1 else 'are'} well"
    line = f"WD {_WORDS[worst]} - {said} | {_performance(state)} time={seconds:.3f}s"
    data = {"state": _WORDS[worst].lower(), "services": rows, "seconds": round(seconds, 3)}
    return StepResult(_OUTCOMES.get(worst, "unknown"), said, data, exit=worst, text=line.replace("\n", " "))


def _exit(watched: Watched, wanted: Desired) -> Exit:
    """What is down because a person wanted it so is not an alarm, and not to be forgotten either."""
    return Exit.WARNING if is_meant(watched, wanted) else exit_of(watched.level)


def _performance(state: LoopState) -> str:
    """'label'=value[unit], as the monitoring plugins' guideline has it; a quote in a label is doubled."""
    found = []
    for watched in state.services.values():
        for name, sample in watched.latest.items():
            if sample.value is None or sample.verdict == "unknown":
                continue
            label = f"{watched.name}_{name}".replace("=", "_").replace("'", "''")
            found.append(f"'{label}'={sample.value:.6g}{sample.unit}")
    return " ".join(found)
