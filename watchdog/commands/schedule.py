"""`wd schedule`: gives one pass of the loop, or the loop itself, to cron, systemd, launchd or the Task Scheduler.

Asked twice, a job is there once; taken out, nothing else went with it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from watchdog.commands import timetable
from watchdog.commands.timetable import Job
from watchdog.model.errors import BadConfig, CannotTell, Failed, Refused, WrongUsage
from watchdog.model.exits import Exit
from watchdog.steps.spec import Context, StepResult
from watchdog.system.host import accounts, schedulers

KINDS = ("cron", "systemd", "launchd", "task-scheduler")


class Scheduler(Protocol):
    """One outside scheduler: each method gives the text that stands in it, or would."""

    def planned(self, job: Job) -> str: ...
    def present(self, job: Job) -> str: ...
    def in_force(self, job: Job) -> bool: ...
    def put(self, job: Job) -> str: ...
    def take(self, job: Job) -> None: ...


def install(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Put the job in, or bring it up to date."""
    _must_exist(context)
    job, scheduler = _job(context, options), _scheduler(options)
    planned = scheduler.planned(job)
    if context.dry_run:
        return StepResult("planned", f"would install {job.name}", _data(job, options, planned), text=planned)
    before = scheduler.present(job)
    if before.strip() == planned.strip() and scheduler.in_force(job):
        return StepResult("ok", f"{job.name} is installed already", _data(job, options, planned))
    note = scheduler.put(job)
    done = "brought up to date" if before else "installed"
    return StepResult("ok", f"{job.name} {done}{': ' + note if note else ''}", _data(job, options, planned))


def show(context: Context, options: Mapping[str, Any]) -> StepResult:
    """What stands in the scheduler for this home, or for one service of it."""
    job, scheduler = _job(context, options), _scheduler(options)
    try:
        there = scheduler.present(job)
    except CannotTell:
        _must_exist(context)  # a mistyped name is told first: with it, no scheduler could help
        raise
    if not there:
        _must_exist(context)
        return StepResult("nothing", f"{job.name} is not installed", _data(job, options, ""))
    return StepResult("ok", f"{job.name} is installed", _data(job, options, there), text=there.rstrip())


def remove(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Take the job out, and nothing else."""
    job, scheduler = _job(context, options), _scheduler(options)
    there = scheduler.present(job)
    if not there:
        return StepResult(
            "nothing", f"{job.name} is not installed: nothing to remove", _data(job, options, ""), exit=Exit.FINE
        )
    if context.dry_run:
        return StepResult("planned", f"would remove {job.name}", _data(job, options, there), text=there.rstrip())
    scheduler.take(job)
    return StepResult("ok", f"{job.name} removed", _data(job, options, there))


def _scheduler(options: Mapping[str, Any]) -> Scheduler:
    kind = str(options.get("as") or schedulers.USUAL)
    loop = bool(options.get("loop"))
    if loop and kind not in ("systemd", "launchd"):
        raise WrongUsage(f"{kind} cannot look after the loop itself", todo="--as systemd or launchd, or no --loop")
    made: dict[str, Callable[[], Scheduler]] = {
        "cron": Cron,
        "systemd": lambda: Systemd(loop),
        "launchd": lambda: Launchd(loop),
        "task-scheduler": Tasks,
    }
    return made[kind]()


def _must_exist(context: Context) -> None:
    """BadConfig for a service that no playbook is about. `remove` does not ask: its playbook may be gone."""
    if context.selector.service:
        from watchdog.config import playbooks

        playbooks.service(context.home, context.selector.service, keep=not context.dry_run)


def _job(context: Context, options: Mapping[str, Any]) -> Job:
    if context.home is None:
        raise BadConfig("no home was found", todo="Name one with --home or $WD_HOME, or make one with `wd init`.")
    home, service = str(context.home.absolute()), context.selector.service
    loop = bool(options.get("loop"))
    words = [*_wd(), "--home", home, "watch" if loop else "tick", *(["--service", service] if service else [])]
    for word in words:
        if not word.isprintable():  # a line feed would begin a new line, and be obeyed
            raise WrongUsage(
                f"{word!r} cannot be written into a scheduler", "it holds a character that cannot be printed"
            )
    what = f"wd {'watches' if loop else 'looks after'} {service or 'all services'} of {home}"
    name = timetable.job_name(home, service)
    return Job(f"{name}-loop" if loop else name, tuple(words), float(options.get("every") or 60.0), what, home)


def _wd() -> tuple[str, ...]:
    """This very wd by its full path: a scheduler has another PATH, and must not find another program of that name."""
    called = Path(sys.argv[0])
    if called.name in ("wd", "wd-oncall", "wd.exe", "wd-oncall.exe"):
        found = shutil.which(str(called))
        if found:
            return (str(Path(found).absolute()),)
    root = Path(__file__).resolve().parents[2]
    # From a checkout. -P: what lies in the folder where it is run must not be imported.
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from watchdog.cli.main import main; main()"
    return (sys.executable, "-P", "-c", code)


def _data(job: Job, options: Mapping[str, Any], text: str) -> dict[str, Any]:
    kind = str(options.get("as") or schedulers.USUAL)
    return {"job": job.name, "as": kind, "command": list(job.command), "every": job.every, "text": text}


class Cron:
    """The caller's own crontab, with a marked block in it."""

    def planned(self, job: Job) -> str:
        try:
            return timetable.block_of(timetable.with_block("", job), job.name)
        except ValueError as error:
            raise WrongUsage("cron cannot keep this job as it is", str(error)) from None

    def present(self, job: Job) -> str:
        return timetable.block_of(schedulers.read_crontab(), job.name)

    def in_force(self, job: Job) -> bool:
        return True  # what stands in a crontab is obeyed

    def put(self, job: Job) -> str:
        self.planned(job)
        schedulers.write_crontab(timetable.with_block(schedulers.read_crontab(), job))
        return ""

    def take(self, job: Job) -> None:
        schedulers.write_crontab(timetable.without_block(schedulers.read_crontab(), job.name))


class Systemd:
    """Units of the system for root, of the user for others."""

    def __init__(self, loop: bool) -> None:
        self._loop, self._user = loop, not accounts.is_admin()

    def _units(self, job: Job) -> dict[str, str]:
        if self._loop:
            return timetable.daemon_unit(job, "default.target" if self._user else "multi-user.target")
        return timetable.timer_units(job)

    def _main(self, job: Job) -> str:
        return f"{job.name}.{'service' if self._loop else 'timer'}"

    def planned(self, job: Job) -> str:
        if job.every < 1:
            raise WrongUsage(f"--every {job.every:g}s cannot be had from systemd", "a timer of wd takes 1s and more")
        folder = schedulers.unit_folder(self._user)
        return "\n".join(f"# {folder / name}\n{text}" for name, text in self._units(job).items())

    def present(self, job: Job) -> str:
        folder = schedulers.unit_folder(self._user)
        found = {name: schedulers.read_unit(folder / name) for name in self._units(job)}
        for name, text in found.items():
            if text and job.name not in text.partition("\n")[0]:
                raise Refused(f"{folder / name} was not made by wd", "its first line does not say so", "move it away")
        if not all(found.values()):
            return "" if not any(found.values()) else "\n".join(text for text in found.values() if text)
        return "\n".join(f"# {folder / name}\n{text}" for name, text in found.items())

    def in_force(self, job: Job) -> bool:
        """Written is not started: a person may have stopped it, or systemd did not answer the first time."""
        asked = ("is-enabled", "is-active")
        return not schedulers.systemd_runs() or not any(self._systemctl(word, self._main(job)) for word in asked)

    def put(self, job: Job) -> str:
        schedulers.write_units(schedulers.unit_folder(self._user), self._units(job))
        if not schedulers.systemd_runs():
            return "systemd does not run here; it will find them at its next start, once they are enabled"
        # Restarted, not started: the loop of an older unit would go on as it was.
        for words in (("daemon-reload",), ("enable", self._main(job)), ("restart", self._main(job))):
            if problem := self._systemctl(*words):
                raise Failed(f"{self._main(job)} was written and could not be started", problem)
        if self._user and not schedulers.lingers():
            return "it runs while you are logged in, and always after `loginctl enable-linger`"
        return ""

    def take(self, job: Job) -> None:
        """Stopped before its files go: a pass that is under way would end as a unit without KillMode=process."""
        folder, runs = schedulers.unit_folder(self._user), schedulers.systemd_runs()
        units = [name for name in self._units(job) if (folder / name).exists()]
        first = [("disable", "--now", self._main(job))] if self._main(job) in units else []
        for words in [*first, *(("stop", name) for name in units)] if runs else ():
            if problem := self._systemctl(*words):
                raise Failed(f"{job.name} could not be stopped, so its units stay", problem)
        for name in units:
            (folder / name).unlink(missing_ok=True)
        if runs and (problem := self._systemctl("daemon-reload")):
            raise Failed(f"{job.name} was stopped and deleted, and systemd was not told", problem)

    def _systemctl(self, *words: str) -> str:
        return schedulers.systemctl(*words, user=self._user)


class Launchd:
    """A daemon of macOS for root, an agent of the user for others."""

    def __init__(self, loop: bool) -> None:
        self._loop = loop

    def planned(self, job: Job) -> str:
        try:
            return timetable.launchd_plist(job, loop=self._loop)
        except ValueError as error:
            raise WrongUsage("launchd would not take this job", str(error)) from None

    def present(self, job: Job) -> str:
        return schedulers.read_agent(job.name)

    def in_force(self, job: Job) -> bool:
        return True

    def put(self, job: Job) -> str:
        schedulers.put_agent(job.name, self.planned(job))
        return ""

    def take(self, job: Job) -> None:
        schedulers.take_agent(job.name)


class Tasks:
    """Windows' Task Scheduler, in a folder of wd's own."""

    def planned(self, job: Job) -> str:
        try:
            return timetable.task_xml(job, datetime.now().strftime("%Y-%m-%dT00:00:00"))
        except ValueError as error:
            raise WrongUsage("the Task Scheduler would not take this task", str(error)) from None

    def present(self, job: Job) -> str:
        return schedulers.read_task(job.name)

    def in_force(self, job: Job) -> bool:
        return True

    def put(self, job: Job) -> str:
        schedulers.create_task(job.name, self.planned(job))
        return ""

    def take(self, job: Job) -> None:
        schedulers.delete_task(job.name)
