"""Commands of the shell alone: what is no step of a runbook. Specs only; the functions are imported when called."""

from __future__ import annotations

from watchdog.steps.spec import Argument, Option, StepSpec

SERVICE = Option("--service", help="of this service only", metavar="NAME")
INCIDENT = Argument("incident", help="its id, or the beginning of it; without one: the newest")

_RUNS: tuple[StepSpec, ...] = (
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

_LEDGER: tuple[StepSpec, ...] = (
    StepSpec(
        "incidents list",
        "the ledger of freezes: when, service, trigger, cause, fix, downtime",
        "watchdog.commands.incidents:listing",
        (
            SERVICE,
            Option("--since", "duration", None, "not older than this: 7d"),
            Option("--limit", "integer", 50, "at most so many"),
        ),
        lists=True,
    ),
    StepSpec("incidents show", "one incident as a page", "watchdog.commands.incidents:show", (), (INCIDENT,)),
    StepSpec("incidents report", "write its report again", "watchdog.commands.incidents:report", (), (INCIDENT,)),
    StepSpec(
        "incidents note",
        "fill in what only a person knows",
        "watchdog.commands.incidents:note",
        (
            Option("--root-cause", help="what the cause was in the end"),
            Option("--fix", help="what was done so that it does not come back"),
        ),
        (Argument("incident", required=True), Argument("text", many=True)),
    ),
)

_LOOP: tuple[StepSpec, ...] = (
    StepSpec(
        "watch",
        "the loop: probes, judges and acts by itself",
        "watchdog.watch.commands:watch",
        (
            SERVICE,
            Option("--ping", help="address of a dead-man switch, asked after each complete round", metavar="URL"),
            Option("--metrics", "path", help="file for the numbers, in Prometheus' text form", metavar="FILE"),
        ),
    ),
    StepSpec(
        "tick",
        "one pass, for cron and Task Scheduler; a Nagios plugin as it stands",
        "watchdog.watch.commands:tick",
        (
            SERVICE,
            Option("--metrics", "path", help="file for the numbers, in Prometheus' text form", metavar="FILE"),
        ),
    ),
    StepSpec(
        "replay",
        "judge the stored answers with other thresholds: how many kills, how many false",
        "watchdog.commands.replay:replay",
        (
            SERVICE,
            Option("--since", "duration", "7d", "how far back"),
            Option("--probe", help="this probe only", metavar="NAME"),
            Option("--fails", help='other thresholds: 3 or "3 of 5"'),
            Option("--for", "duration", None, "how long the trouble must hold"),
        ),
    ),
)

_POLICY: tuple[StepSpec, ...] = (
    StepSpec(
        "status",
        "every service: state, since when, availability, restarts, deaths",
        "watchdog.cli.follow:status",
        (SERVICE, Option("--follow", "flag", help="show it anew every two seconds, until Ctrl-C")),
    ),
    StepSpec(
        "explain",
        "what the policy of a service will do, and when",
        "watchdog.commands.explain:explain_service",
        service=True,
    ),
    StepSpec(
        "snooze",
        "leave a service alone for a while; it ends by itself",
        "watchdog.commands.snooze:snooze",
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
        "watchdog.commands.snooze:resume",
        (Option("--why", help="for those who come after you", metavar="TEXT"),),
        service=True,
    ),
    StepSpec(
        "ack",
        "you have it in hand: the loop waits until the service is healthy",
        "watchdog.commands.snooze:ack",
        (),
        (Argument("text", many=True, help="what you are doing about it"),),
        service=True,
    ),
    *(
        StepSpec(
            f"schedule {verb}",
            summary,
            f"watchdog.commands.schedule:{verb}",
            (
                SERVICE,
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
)

_HOME: tuple[StepSpec, ...] = (
    StepSpec(
        "init",
        "make a home: playbooks/, runbooks/, logs/ and an example",
        "watchdog.commands.init:init",
        (),
        (Argument("folder", help="where; without one: here"),),
    ),
    StepSpec(
        "validate",
        "every mistake in the playbooks and runbooks of the home",
        "watchdog.commands.validate:validate",
        (),
        (Argument("file", many=True, help="default: all of the home"),),
    ),
    StepSpec(
        "runbooks list",
        "every runbook of the home, and the shipped ones",
        "watchdog.commands.catalogue:list_all",
        lists=True,
    ),
    StepSpec(
        "runbooks show",
        "a runbook as it is written",
        "watchdog.commands.catalogue:show",
        (),
        (Argument("runbook", required=True),),
    ),
    StepSpec(
        "runbooks lint",
        "can they be relied on? bounds, proofs, answers to failure, names",
        "watchdog.commands.catalogue:lint",
        (),
        (Argument("runbook", many=True, help="default: all of the home"),),
        help="Exit 0: nothing to say; 1: warnings; 3: at least one cannot be run as it stands.",
    ),
    StepSpec("schema", "the JSON Schema of a playbook, for editors", "watchdog.commands.schema:schema"),
)

_CARE: tuple[StepSpec, ...] = (
    StepSpec(
        "leak call",
        "run a function 1, 10, 100, 1,000 times and count what stays",
        "watchdog.commands.leak:leak_call",
        (
            Option("--python", "path", help="the interpreter that can import it (default: a venv beside it)"),
            Option("--cwd", "path", help="folder to run it in", metavar="DIR"),
            Option("--calls", default="1,10,100,1000", help="how often"),
            Option("--compare", "path", help="an earlier run, kept with --save", metavar="FILE"),
            Option("--save", "path", help="keep this run", metavar="FILE"),
            Option("--picture", "path", help="draw who holds what has grown", metavar="FILE"),
            Option("--within", "duration", "1m", "how long it may take"),
        ),
        (Argument("function", required=True, help="package.module:function"),),
    ),
    StepSpec(
        "leak watch",
        "follow a live server's memory, and name the type that grows",
        "watchdog.commands.leak:leak_watch",
        (
            Option("--for", "duration", "1m", "how long to look"),
            Option("--every", "duration", "1s", "time between two looks"),
        ),
        targets=True,
    ),
    StepSpec(
        "workers",
        "how many workers a server should have, and how the present number stands",
        "watchdog.commands.workers:workers",
        (
            Option("--cpus", help="processors (default: this machine's)"),
            Option("--memory", "size", None, "memory for all workers (default: the machine's or the group's limit)"),
            Option("--worker-memory", "size", None, "memory of one worker (default: measured)"),
            Option("--workers", "integer", None, "the present number (default: measured)"),
            Option("--peak-users", "integer", None, "users at the same time, at the peak"),
            Option("--access-log", "path", help="for the 95th percentile and the error rate", metavar="FILE"),
            Option("--p95", "duration", "30s", "target for the 95th percentile"),
            Option("--errors", default="1%", help="target for the error rate"),
        ),
        targets=True,
    ),
    StepSpec(
        "guard",
        "write the one-file request limiter for a server that may be changed",
        "watchdog.commands.guard:guard",
        (
            Option("--to", "path", required=True, help="the file to write", metavar="FILE"),
            Option("--yes", "flag", help="replace a file that is there"),
        ),
    ),
)

COMMANDS: dict[str, StepSpec] = {spec.name: spec for spec in (*_RUNS, *_LEDGER, *_LOOP, *_POLICY, *_CARE, *_HOME)}
