"""Commands of the shell alone: what is no step of a runbook. Specs only; the functions are imported when called."""

from __future__ import annotations

from watchdog.steps.spec import Argument, Option, StepSpec

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
    StepSpec("demo", "a real server that really hangs: found, ended, started, proven", "watchdog.cli.demo:demo"),
    StepSpec("doctor", "what wd can and cannot do on this machine", "watchdog.cli.doctor:doctor"),
)

COMMANDS: dict[str, StepSpec] = {spec.name: spec for spec in _ALL}
