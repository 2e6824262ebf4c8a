"""Every verb that a runbook line and the shell share: one entry a verb, and nothing else decides what exists."""

from __future__ import annotations

from watchdog.steps.spec import Argument, Option, StepSpec

WITHIN = "how long it may take"

_ALL: tuple[StepSpec, ...] = (
    StepSpec(
        "find",
        "the processes that are meant: one server, its master, workers and children",
        "watchdog.steps.find:find",
        targets=True,
        lists=True,
    ),
    StepSpec(
        "ps",
        "every Python server on this machine, probed with no configuration",
        "watchdog.steps.find:ps",
        (
            Option("--hung", "flag", help="only those that do not answer"),
            Option("--all", "flag", help="other servers too, not only Python"),
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
        "what the server is stuck on, at which line; nothing is touched",
        "watchdog.steps.why:why",
        (
            Option("--within", "duration", "20s", WITHIN),
            Option("--locals", "flag", help="show local variables (they can hold secrets; redacted)"),
        ),
        targets=True,
    ),
    StepSpec(
        "kill",
        "end the right tree and nothing else; evidence first, proof after",
        "watchdog.steps.kill:kill",
        (
            Option("--grace", "duration", "5s", "time between SIGTERM and SIGKILL"),
            Option("--drain", "duration", None, "wait at most so long for a moment with no request under way"),
            Option("--force", "flag", help="SIGKILL at once"),
            Option("--all", "flag", help="end every match, and another program than the configured one"),
            Option("--worker", "flag", help="end only the one stuck worker; its master replaces it"),
            Option("--allow-unsafe-kill", "flag", help="where the system cannot hold a process: go by its start time"),
            Option("--snapshot", "flag", help="keep all evidence first, not only stacks and threads"),
            Option("--no-evidence", "flag", help="keep none"),
        ),
        targets=True,
        changes=True,
    ),
    StepSpec(
        "check",
        "is what the service owns sound? database, pidfile, disk, commands",
        "watchdog.steps.check:check",
        service=True,
    ),
    StepSpec(
        "start",
        "start the service in its own way, detached from wd",
        "watchdog.steps.start:start",
        (Option("--within", "duration", None, "how long it may take to be ready (default: the playbook's)"),),
        service=True,
        changes=True,
    ),
    StepSpec(
        "stop",
        "end the service and leave it ended: the loop will not undo it",
        "watchdog.steps.start:stop",
        (Option("--grace", "duration", "5s", "time between SIGTERM and SIGKILL"),),
        service=True,
        changes=True,
    ),
    StepSpec(
        "restart",
        "end it, start it, prove it",
        "watchdog.steps.start:restart",
        (
            Option("--grace", "duration", "5s", "time between SIGTERM and SIGKILL"),
            Option("--within", "duration", None, "how long it may take to be ready (default: the playbook's)"),
            Option("--healthy", "integer", 3, "good answers in a row"),
        ),
        service=True,
        changes=True,
    ),
    StepSpec(
        "verify",
        "is it back? N good answers in a row from the right, new process",
        "watchdog.steps.verify:verify",
        (
            Option("--url", help="address to ask (default: the playbook's health address)"),
            Option("--fallback", help="a second address, asked when the first does not answer", metavar="URL"),
            Option("--healthy", "integer", 3, "good answers in a row"),
            Option("--within", "duration", "60s", WITHIN),
            Option("--later", "duration", None, "ask once more after this time"),
        ),
        targets=True,
    ),
    StepSpec(
        "http",
        "send one request: a milder remedy, such as resetting a conversation",
        "watchdog.steps.http:http",
        (
            Option("--method", "text", "GET", "GET, POST, PUT or DELETE"),
            Option("--timeout", "duration", "10s", "total time for the answer"),
            Option("--expect", "integer", None, "the status that counts as done (default: any below 400)"),
        ),
        (Argument("url", required=True),),
        changes=True,
    ),
    StepSpec(
        "exec",
        "run one command, without a shell",
        "watchdog.steps.exec:execute",
        (
            Option("--timeout", "duration", "60s", "it is ended after this time"),
            Option("--cwd", "path", None, "folder to run it in", metavar="DIR"),
        ),
        (Argument("command", required=True, many=True),),
        changes=True,
    ),
    StepSpec(
        "wait",
        "wait for a time, or until the service is healthy",
        "watchdog.steps.wait:wait",
        (Option("--until-healthy", "flag", help="stop waiting at the first good answer"),),
        (Argument("time", required=True, help="30s, 5m"),),
    ),
    StepSpec(
        "notify",
        "tell the people of the playbook",
        "watchdog.steps.notify:notify",
        (),
        (Argument("message", required=True, many=True),),
    ),
    StepSpec("report", "write the incident's report as it stands", "watchdog.steps.report:report"),
)

SPECS: dict[str, StepSpec] = {spec.name: spec for spec in _ALL}
