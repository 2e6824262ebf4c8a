"""Commands of the shell alone: what is no step of a runbook. Specs only; the functions are imported when called."""

from __future__ import annotations

from watchdog.steps.spec import Argument, Option, StepSpec

_SERVICE = Option("--service", help="only this one (default: all of the home)", metavar="NAME")

_ALL: tuple[StepSpec, ...] = (
    StepSpec(
        "run",
        "a whole runbook, as one incident with one report",
        "watchdog.cli.run:run",
        (
            Option("--set", many=True, help="a parameter of the runbook", metavar="NAME=VALUE"),
            Option("--step", "flag", help="ask before each block"),
            Option("--resume", "flag", help="finish the run that was cut off"),
        ),
        (Argument("runbook"),),
        targets=True,
        changes=True,
    ),
    StepSpec(
        "watch",
        "the loop: asks, judges, and runs runbooks by itself, until SIGTERM",
        "watchdog.watch.commands:watch",
        (
            _SERVICE,
            Option("--ping", help="an address that is asked each minute while all is well", metavar="URL"),
            Option("--metrics", "path", help="write the numbers there, for Prometheus' textfile collector"),
        ),
        help="SIGHUP reads the playbooks again; a broken one keeps the old. Services live on when the loop ends.",
    ),
    StepSpec(
        "tick",
        "one pass of the loop, for cron: the worst state is the exit code",
        "watchdog.watch.commands:tick",
        (_SERVICE, Option("--metrics", "path", help="write the numbers there, for Prometheus' textfile collector")),
        help="Prints one line as monitoring plugins do, with performance data: 0 fine, 1 warning, 2 critical, 3 unknown.",
    ),
    StepSpec("demo", "a real server that really hangs: found, ended, started, proven", "watchdog.cli.demo:demo"),
    StepSpec("doctor", "what wd can and cannot do on this machine", "watchdog.cli.doctor:doctor"),
)

COMMANDS: dict[str, StepSpec] = {spec.name: spec for spec in _ALL}
