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
        help="One line, performance data and exit code as monitoring plugins have them (0 to 3).",
    ),
    StepSpec(
        "status",
        "every service: state, since when, availability, restarts, deaths",
        "watchdog.cli.follow:status",
        (_SERVICE, Option("--follow", "flag", help="show it anew every two seconds, until Ctrl-C")),
    ),
    StepSpec(
        "explain",
        "what the policy of a service will do, and when",
        "watchdog.steps.explain:explain_service",
        service=True,
    ),
    StepSpec(
        "replay",
        "judge the stored answers again, with other thresholds: how many kills, how many of them false",
        "watchdog.watch.replay:replay",
        (
            _SERVICE,
            Option("--since", "duration", "7d", "how far back"),
            Option("--probe", help="only this one", metavar="NAME"),
            Option("--fails", help="3, or '3 of 5' (default: the playbook's)"),
            Option("--for", "duration", None, "how long trouble must last (default: the playbook's)"),
        ),
    ),
    StepSpec(
        "snooze",
        "leave a service alone for a while; it ends by itself",
        "watchdog.steps.snooze:snooze",
        (
            Option("--for", "duration", None, "how long"),
            Option("--until-healthy", "flag", help="until it answers well again"),
            Option("--why", help="for those who come after you", metavar="TEXT"),
        ),
        service=True,
    ),
    StepSpec(
        "resume",
        "look after a service again, with a new budget",
        "watchdog.steps.snooze:resume",
        (Option("--why", help="for those who come after you", metavar="TEXT"),),
        service=True,
    ),
    StepSpec(
        "ack",
        "you have it in hand: the loop waits until the service is healthy",
        "watchdog.steps.snooze:ack",
        (),
        (Argument("text", many=True, help="what you are doing about it"),),
        service=True,
    ),
    *(
        StepSpec(
            f"schedule {verb}",
            summary,
            f"watchdog.steps.schedule:{verb}",
            (
                _SERVICE,
                Option("--as", default="cron", choices=("cron", "systemd", "task-scheduler"), help="which scheduler"),
                Option("--every", "duration", "1m", "how often"),
                Option("--loop", "flag", help="the loop itself, as a service of systemd"),
                Option("--dry-run", "flag", help="only show what would stand there"),
            ),
        )
        for verb, summary in (
            ("install", "give `wd tick` to cron, systemd or the Task Scheduler"),
            ("show", "what stands in the scheduler for this home"),
            ("remove", "take it out again, and nothing else"),
        )
    ),
    StepSpec(
        "runbooks list",
        "every runbook of the home, and the shipped ones",
        "watchdog.runbook.catalogue:list_all",
        lists=True,
    ),
    StepSpec(
        "runbooks show",
        "a runbook as it is written",
        "watchdog.runbook.catalogue:show",
        (),
        (Argument("runbook", required=True),),
    ),
    StepSpec(
        "runbooks lint",
        "can they be relied on? bounds, proofs, answers to failure, names",
        "watchdog.runbook.catalogue:lint",
        (),
        (Argument("runbook", many=True, help="default: all of the home"),),
        help="Exit 0: nothing to say; 1: warnings; 3: at least one cannot be run as it stands.",
    ),
    StepSpec(
        "validate",
        "every mistake in the playbooks and runbooks of the home",
        "watchdog.runbook.validate:validate",
        (),
        (Argument("file", many=True, help="default: all of the home"),),
    ),
    StepSpec("schema", "the JSON Schema of a playbook, for editors", "watchdog.steps.schema:schema"),
    StepSpec(
        "init",
        "make a home with an example; what is there stays as it is",
        "watchdog.steps.init:init",
        (),
        (Argument("folder", help="default: the current folder"),),
    ),
    StepSpec("demo", "a real server that really hangs: found, ended, started, proven", "watchdog.cli.demo:demo"),
    StepSpec("doctor", "what wd can and cannot do on this machine", "watchdog.cli.doctor:doctor"),
)

COMMANDS: dict[str, StepSpec] = {spec.name: spec for spec in _ALL}
