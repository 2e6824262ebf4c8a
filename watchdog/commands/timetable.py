"""What outside schedulers get: a crontab block, systemd units, a task for Windows, a job for macOS. Pure text.

Everything carries a mark with the name of the job, so that the same job is found again, and nothing else is touched.
"""

from __future__ import annotations

import hashlib
import plistlib
import re
import shlex
from collections.abc import Sequence
from pathlib import PurePath
from xml.sax.saxutils import escape

from watchdog.model.records import record

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LONGEST_PATH = 260  # of the Task Scheduler
_BEGIN, _END = "# >>> wd job {} (made by `wd schedule`, removed by it) >>>", "# <<< wd job {} <<<"

# For every unit that wd runs in. The servers that it starts stay in the unit's control group: at the end of the unit,
# also of one that runs once, systemd would end them all; and it would end wd when one of them is out of memory.
_LEAVE_ALONE = "KillMode=process\nOOMPolicy=continue\nTimeoutStopSec=10\n"


@record(frozen=True)
class Job:
    """One thing that is run again and again."""

    name: str  # safe as a file name and a unit's name
    command: tuple[str, ...]
    every: float  # seconds
    summary: str
    folder: str  # where it is run


def job_name(home: str, service: str | None) -> str:
    """The same for the same home and service, and another one for any other."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{PurePath(home).name}-{service or 'all'}").strip("-").lower()[:40]
    digest = hashlib.sha256(f"{home}\n{service or ''}".encode()).hexdigest()
    return f"wd-{plain}-{digest[:6]}"


def cron_line(job: Job) -> str:
    """ValueError for what cron cannot keep: it knows whole minutes that divide an hour, and so on."""
    seconds = round(job.every)
    minutes, hours = seconds // _MINUTE, seconds // _HOUR
    if seconds >= _MINUTE and seconds % _MINUTE == 0 and minutes < 60 and 60 % minutes == 0:
        when = "* * * * *" if minutes == 1 else f"*/{minutes} * * * *"
    elif seconds >= _HOUR and seconds % _HOUR == 0 and hours < 24 and 24 % hours == 0:
        when = "0 * * * *" if hours == 1 else f"0 */{hours} * * *"
    elif seconds == _DAY:
        when = "0 0 * * *"
    else:
        raise ValueError("cron takes 1m, 2m, 5m, 10m, 15m, 30m, 1h, 6h, 12h or 24h; a systemd timer takes any time")
    command = shlex.join(job.command)
    if re.search(r"\\[\\%]", command):  # Debian's makes one of two, others leave them
        raise ValueError(f"no cron takes a backslash before a backslash or a percent sign as it is: {command}")
    # In a crontab a percent sign ends the command, quoted or not.
    command = command.replace("%", "\\%")
    return f"{when} {command} >/dev/null 2>&1"


def with_block(crontab: str, job: Job) -> str:
    """The crontab with this job in it once, the rest as it was. ValueError as `cron_line`."""
    block = [_BEGIN.format(job.name), cron_line(job), _END.format(job.name)]
    kept = without_block(crontab, job.name)
    if kept and not kept.endswith("\n"):
        kept += "\n"
    return kept + "\n".join(block) + "\n"


def without_block(crontab: str, name: str) -> str:
    """The crontab without this job. A block whose end is missing is left alone: what follows is somebody else's."""
    lines = crontab.split("\n")
    while place := _place(lines, name):
        del lines[place]
    return "\n".join(lines)


def block_of(crontab: str, name: str) -> str:
    """The job's block as it stands there; empty if it does not."""
    lines = crontab.split("\n")
    place = _place(lines, name)
    return "\n".join(lines[place]) if place else ""


def _place(lines: Sequence[str], name: str) -> slice | None:
    """From the beginning that is nearest to its end: a beginning further up has lost its own.

    Only a line feed ends a line of a crontab; the carriage return of some editor is a part of the line.
    """
    first = None
    for number, line in enumerate(lines):
        if line.rstrip("\r") == _BEGIN.format(name):
            first = number
        elif line.rstrip("\r") == _END.format(name) and first is not None:
            return slice(first, number + 1)
    return None


def timer_units(job: Job) -> dict[str, str]:
    """File name to text: a service that runs once, and the timer that starts it."""
    service = f"""\
# {job.name}: made by `wd schedule`, removed by it
[Unit]
Description={_plain(job.summary)}

[Service]
Type=oneshot
WorkingDirectory={_path(job.folder)}
ExecStart={_exec(job.command)}
SuccessExitStatus=0 1 2 3
{_LEAVE_ALONE}"""
    timer = f"""\
# {job.name}: made by `wd schedule`, removed by it
[Unit]
Description={_plain(job.summary)}, every {job.every:g} s

[Timer]
OnBootSec=1min
OnUnitActiveSec={job.every:g}s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""
    return {f"{job.name}.service": service, f"{job.name}.timer": timer}


def daemon_unit(job: Job, wanted_by: str) -> dict[str, str]:
    """The loop as a separate service, watched by systemd: services that it started live on when it is stopped."""
    return {
        f"{job.name}.service": f"""\
# {job.name}: made by `wd schedule`, removed by it
[Unit]
Description={_plain(job.summary)}
After=network.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
WorkingDirectory={_path(job.folder)}
ExecStart={_exec(job.command)}
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=25
Restart=always
RestartSec=1
{_LEAVE_ALONE}
[Install]
WantedBy={wanted_by}
"""
    }


def task_xml(job: Job, start: str) -> str:
    """A task of Windows' Task Scheduler, version 1.3; `start` is a local time such as 2026-01-31T00:00:00.

    ValueError for what its schema does not allow. The text names no encoding: it may go into a file of any.
    """
    if not _MINUTE <= job.every <= 31 * _DAY:
        raise ValueError("the Task Scheduler takes 1m to 31d")
    for path in (job.command[0], job.folder):
        if len(path) > _LONGEST_PATH:
            raise ValueError(f"the Task Scheduler takes a path of at most {_LONGEST_PATH} characters: {path}")
    arguments = " ".join(_windows(word) for word in job.command[1:])
    # In the order that the schema has, which in a trigger is not the one of a task that Windows exports.
    return f"""\
<?xml version="1.0"?>
<Task version="1.3" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{escape(job.summary)} (made by `wd schedule`)</Description>
    <URI>\\{escape(job.name)}</URI>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <StartBoundary>{escape(start)}</StartBoundary>
      <Repetition>
        <Interval>{_iso_duration(job.every)}</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT1H</ExecutionTimeLimit>
    <Enabled>true</Enabled>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(job.command[0])}</Command>
      <Arguments>{escape(arguments)}</Arguments>
      <WorkingDirectory>{escape(job.folder)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""


def launchd_plist(job: Job, *, loop: bool = False) -> str:
    """A job of macOS' launchd. The servers that it starts outlive it (AbandonProcessGroup).

    ValueError for what launchd does not take.
    """
    seconds = round(job.every)
    if seconds < 1:
        raise ValueError("launchd takes 1s and more")
    plan: dict[str, object] = {
        "Label": job.name,
        "ProgramArguments": list(job.command),
        "WorkingDirectory": job.folder,
        "AbandonProcessGroup": True,
        "RunAtLoad": True,
        **({"KeepAlive": True} if loop else {"StartInterval": seconds}),
    }
    return plistlib.dumps(plan, sort_keys=False).decode()


def _plain(text: str) -> str:
    """One line, without what systemd would expand or take for a line that goes on."""
    return " ".join(text.split()).replace("%", "%%").rstrip("\\")


def _path(text: str) -> str:
    """A backslash at its end would take the next line with it."""
    return text.replace("%", "%%") + ("/" if text.endswith("\\") else "")


def _exec(words: Sequence[str]) -> str:
    """Words for ExecStart=: quoted as systemd reads them, its specifiers and variables taken as plain text."""
    return " ".join(_systemd(word) for word in words)


def _systemd(word: str) -> str:
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return text if re.fullmatch(r"[A-Za-z0-9_@%+=:,./-]+", text) else f'"{text}"'


def _windows(word: str) -> str:
    """As programs of Windows take their command line apart: backslashes before a quote are doubled."""
    if word and not re.search(r'[\s"]', word):
        return word
    text = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)$", r"\1\1", text) + '"'


def _iso_duration(seconds: float) -> str:
    """As XML Schema writes it: PT5M."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    time = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if number)
    return "P" + (f"{days}D" if days else "") + (f"T{time}" if time else "")
