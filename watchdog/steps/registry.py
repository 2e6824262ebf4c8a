"""Every verb that a runbook line and the shell share: one entry a verb, and nothing else decides what exists."""

from __future__ import annotations

from watchdog.model.routes import SEVERITIES
from watchdog.steps.spec import Argument, Effect, Option, StepSpec

WITHIN = "time limit for the command"
_GRACE = Option("--grace", "duration", "5s", "time between SIGTERM and SIGKILL")
_READY = Option("--within", "duration", None, "time limit until it is ready (default: the playbook's)")
_HEALTHY = Option("--healthy", "integer", 3, "good answers in a row", least=1)

SEVERITY = Option(
    "--severity",
    default="critical",
    choices=SEVERITIES,
    help="which routes of the playbook it takes: those for this and for less",
)
_ALL: tuple[StepSpec, ...] = (
    StepSpec(
        "find",
        "list the processes of the selected server: master, workers, children",
        "watchdog.steps.find:find",
        targets=True,
        lists=True,
    ),
    StepSpec(
        "ps",
        "list every Python server on this machine and whether it answers",
        "watchdog.steps.find:ps",
        (
            Option("--hung", "flag", help="only those that do not answer"),
            Option("--all", "flag", help="also list servers that are not Python"),
        ),
        lists=True,
    ),
    StepSpec(
        "snapshot",
        "keep the evidence: stacks, threads, sockets, files, machine, logs",
        "watchdog.steps.snapshot:snapshot",
        (
            Option("--logs", "path", many=True, help="a log to keep the last part of", metavar="FILE"),
            Option("--within", "duration", "10s", WITHIN),
            Option("--to", "path", help="folder for the evidence (default: the incident's)", metavar="DIR"),
        ),
        targets=True,
    ),
    StepSpec(
        "why",
        "explain why a server hangs: the cause and the guilty line",
        "watchdog.steps.why:why",
        (
            Option("--within", "duration", "20s", WITHIN),
            Option("--locals", "flag", help="show local variables (they can hold secrets; redacted)"),
        ),
        targets=True,
    ),
    StepSpec(
        "kill",
        "end the selected server, all of its processes and nothing else",
        "watchdog.steps.kill:kill",
        (
            _GRACE,
            Option("--drain", "duration", None, "first wait, at most this long, until no request is in progress"),
            Option("--force", "flag", help="send SIGKILL at once"),
            Option("--all", "flag", help="end every match, and also a program that is not the configured one"),
            Option("--unless-healthy", "flag", help="in a runbook: ask first if this run found the server healthy"),
            Option("--worker", "flag", help="end only the stuck worker; its master starts a new one"),
            Option(
                "--allow-unsafe-kill",
                "flag",
                help="allow killing without pidfd (identify by start time; a small race remains)",
            ),
            Option("--snapshot", "flag", help="first keep all evidence, not only stacks and threads"),
            Option("--no-evidence", "flag", help="keep no evidence"),
        ),
        targets=True,
        changes=True,
        effects=("ends",),
    ),
    StepSpec(
        "check",
        "check the data of a service: database, pid file, disk, commands",
        "watchdog.steps.check:check",
        service=True,
    ),
    StepSpec(
        "start",
        "start a service, detached from wd",
        "watchdog.steps.start:start",
        (_READY,),
        service=True,
        changes=True,
        effects=("starts",),
    ),
    StepSpec(
        "stop",
        "end a service; the loop leaves it down",
        "watchdog.steps.start:stop",
        (_GRACE,),
        service=True,
        changes=True,
        waits=30.0,
        effects=("ends", "proves"),
    ),
    StepSpec(
        "restart",
        "end a service, start it again and prove that it answers",
        "watchdog.steps.start:restart",
        (_GRACE, _READY, _HEALTHY),
        service=True,
        changes=True,
        effects=("ends", "starts", "proves"),
    ),
    StepSpec(
        "verify",
        "prove that a service is back: good answers in a row from the right process",
        "watchdog.steps.verify:verify",
        (
            Option("--url", help="address to ask (default: the playbook's health address)"),
            Option("--fallback", help="a second address, asked when the first does not answer", metavar="URL"),
            _HEALTHY,
            Option("--within", "duration", "60s", WITHIN),
            Option("--later", "duration", None, "ask once more after this time"),
        ),
        targets=True,
        effects=("proves",),
    ),
    StepSpec(
        "http",
        "send one HTTP request, for example to reset a conversation",
        "watchdog.steps.http:http",
        (
            Option("--method", "text", "GET", "GET, POST, PUT or DELETE"),
            Option("--timeout", "duration", "10s", "total time for the answer"),
            Option("--expect", "integer", None, "the expected status (default: any below 400)"),
        ),
        (Argument("url", required=True),),
        changes=True,
    ),
    StepSpec(
        "exec",
        "run one command, without a shell",
        "watchdog.steps.exec:execute",
        (
            Option("--timeout", "duration", "60s", "end the command after this time"),
            Option("--cwd", "path", None, "folder to run it in", metavar="DIR"),
        ),
        (Argument("command", required=True, many=True),),
        changes=True,
    ),
    StepSpec(
        "wait",
        "wait for a time, or until the service is healthy",
        "watchdog.steps.wait:wait",
        (Option("--until-healthy", "flag", help="stop at the first good answer"),),
        (Argument("time", required=True, help="30s, 5m"),),
    ),
    StepSpec(
        "notify",
        "send a message to the addresses of the playbook",
        "watchdog.steps.notify:notify",
        (SEVERITY,),
        (Argument("message", required=True, many=True),),
    ),
    StepSpec(
        "report", "write the report of the incident as it is now", "watchdog.steps.report:report", effects=("tells",)
    ),
)

SPECS: dict[str, StepSpec] = {spec.name: spec for spec in _ALL}


def does(step: str, *effects: Effect) -> bool:
    """Whether the step of this name has one of these effects. False for a block of an ordinary procedure."""
    spec = SPECS.get(step)
    return spec is not None and not set(effects).isdisjoint(spec.effects)


def proves_return(step: str) -> bool:
    """Whether its success proves that the service answers. A stop proves the opposite."""
    return does(step, "proves") and (does(step, "starts") or not does(step, "ends"))
