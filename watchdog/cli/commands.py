"""Commands of the shell alone: what is not a step of a runbook. Specs only; the functions are imported when called."""

from __future__ import annotations

from watchdog.cli.fleet_commands import FLEET
from watchdog.steps.registry import SEVERITY
from watchdog.steps.spec import Argument, Option, StepSpec
from watchdog.text.language import LANGUAGES

SERVICE = Option("--service", "service", help="only this service", metavar="NAME")
INCIDENT = Argument("incident", kind="incident", help="its id, or the beginning of it; by default the newest")
LANG = Option("--lang", choices=LANGUAGES, help="language of the report (default: as it was first written)")
_PAST = (
    SERVICE,
    Option("--since", "duration", None, "not older than this: 7d"),
    Option("--limit", "integer", 50, "at most this many"),
)

_RUNS: tuple[StepSpec, ...] = (
    StepSpec(
        "run",
        "run a runbook, as one incident with one report",
        "watchdog.cli.run:run",
        (
            Option("--set", many=True, help="a parameter of the runbook", metavar="NAME=VALUE"),
            Option("--step", "flag", help="ask before each block"),
            Option("--resume", "flag", help="finish the run that was cut off"),
        ),
        (Argument("runbook", kind="runbook"),),
        targets=True,
        changes=True,
    ),
    StepSpec("demo", "see the whole procedure on a real server that hangs", "watchdog.cli.demo:demo"),
    StepSpec("doctor", "show what wd can and cannot do on this machine", "watchdog.cli.doctor:doctor"),
)

_LEDGER: tuple[StepSpec, ...] = (
    StepSpec(
        "incidents list",
        "list past troubles: when, service, cause, fix, downtime",
        "watchdog.commands.incidents:listing",
        (*_PAST, Option("--all", "flag", help="also what people and timetables did")),
        lists=True,
    ),
    StepSpec(
        "incidents log", "list what people and timetables did", "watchdog.commands.incidents:log", _PAST, lists=True
    ),
    StepSpec(
        "incidents open",
        "show the page of an incident in a browser",
        "watchdog.commands.incidents:open_page",
        (LANG,),
        (INCIDENT,),
    ),
    StepSpec("incidents show", "show one incident", "watchdog.commands.incidents:show", (LANG,), (INCIDENT,)),
    StepSpec(
        "incidents report",
        "write the report of an incident again",
        "watchdog.commands.incidents:report",
        (LANG,),
        (INCIDENT,),
    ),
    StepSpec(
        "incidents verify",
        "show whether the record of incidents was changed",
        "watchdog.commands.verify:verify",
        (Option("--head", help="also compare with this head, as a report bears it", metavar="N:HASH"),),
        lists=True,
    ),
    StepSpec(
        "incidents note",
        "add the root cause or the fix to an incident",
        "watchdog.commands.incidents:note",
        (
            Option("--root-cause", help="the root cause, as a person found it"),
            Option("--fix", help="the permanent fix"),
        ),
        (Argument("incident", required=True, kind="incident"), Argument("text", many=True)),
    ),
)

_LOOP: tuple[StepSpec, ...] = (
    StepSpec(
        "watch",
        "run the watchdog daemon",
        "watchdog.cli.page_child:watch",
        (
            SERVICE,
            Option("--web", help="also serve the page there, as `wd web ADDRESS` does", metavar="ADDRESS"),
            Option("--ping", help="address of a dead-man switch, asked after each complete round", metavar="URL"),
            Option("--metrics", "path", help="file for the numbers, in Prometheus' text form", metavar="FILE"),
        ),
    ),
    StepSpec(
        "web",
        "serve the page: every service, incidents while they run, history",
        "watchdog.web.command:web",
        (
            Option("--lang", choices=LANGUAGES, help="language of the page (default: that of each browser)"),
            Option("--name", many=True, help="a name by which browsers ask for it", metavar="HOST"),
            Option("--tls-cert", "path", help="certificate, for an address that others can reach", metavar="FILE"),
            Option("--tls-key", "path", help="its key", metavar="FILE"),
            Option("--proxy", help="requests come only from this proxy, which takes HTTPS", metavar="ADDRESS"),
            Option("--proxy-user", help="the header in which the proxy names the user", metavar="HEADER"),
            Option("--add-user", help="let this person sign in; the password is asked for", metavar="NAME"),
            Option("--role", default=None, choices=("view", "act"), help="what that person may do (default: view)"),
            Option("--add-token", help="make a token for a program, such as Alertmanager", metavar="NAME"),
            Option("--remove-user", help="take a person or a program out", metavar="NAME"),
        ),
        (Argument("address", help="HOST:PORT (default: 127.0.0.1:8321)"),),
    ),
    StepSpec(
        "tick",
        "run all probes once and act (for cron); Nagios-compatible output",
        "watchdog.watch.daemon:tick",
        (
            SERVICE,
            Option("--metrics", "path", help="file for the numbers, in Prometheus' text form", metavar="FILE"),
        ),
    ),
    StepSpec(
        "replay",
        "apply other thresholds to past answers: how many kills, how many false",
        "watchdog.commands.replay:replay",
        (
            SERVICE,
            Option("--since", "duration", "7d", "how far back"),
            Option("--probe", help="this probe only", metavar="NAME"),
            Option("--fails", help='other thresholds: 3 or "3 of 5"'),
            Option("--for", "duration", None, "how long the failure must last"),
        ),
    ),
)

_POLICY: tuple[StepSpec, ...] = (
    StepSpec(
        "status",
        "show every service: state, since when, availability, restarts",
        "watchdog.cli.follow:status",
        (SERVICE, Option("--follow", "flag", help="show it again every two seconds, until Ctrl-C")),
    ),
    StepSpec(
        "logs",
        "show the last lines of a service's logs",
        "watchdog.cli.follow:logs",
        (
            Option("--follow", "flag", short="-f", help="also show new lines, until Ctrl-C"),
            Option("--since", "duration", None, "only lines that are not older: 10m"),
            Option("--lines", "integer", 50, "this number of lines of each log"),
        ),
        service=True,
    ),
    StepSpec(
        "explain",
        "show what the policy of a service does, and when",
        "watchdog.commands.explain:explain_service",
        service=True,
    ),
    StepSpec(
        "snooze",
        "leave a service alone for a while; this ends by itself",
        "watchdog.commands.snooze:snooze",
        (
            Option("--for", "duration", None, "how long"),
            Option("--until-healthy", "flag", help="until it answers well again"),
            Option("--why", help="the reason, for your colleagues", metavar="TEXT"),
        ),
        service=True,
    ),
    StepSpec(
        "resume",
        "act on a service again, with a new restart budget",
        "watchdog.commands.snooze:resume",
        (Option("--why", help="the reason, for your colleagues", metavar="TEXT"),),
        service=True,
    ),
    *(
        StepSpec(verb, summary, f"watchdog.commands.answers:{verb}", (SERVICE,))
        for verb, summary in (
            ("yes", "answer what the loop asks in the mode ask: it may act"),
            ("no", "answer what the loop asks in the mode ask: it leaves the service alone"),
        )
    ),
    StepSpec(
        "ack",
        "take over a service by hand: the loop waits until it is healthy",
        "watchdog.commands.snooze:ack",
        (),
        (Argument("text", many=True, help="what you do about it"),),
        service=True,
    ),
    StepSpec(
        "notify",
        "send a message to the addresses of a playbook, or test them",
        "watchdog.commands.notify:notify",
        (
            SERVICE,
            Option("--test", "flag", help="send a test message through every channel, one line a channel"),
            SEVERITY,
        ),
        (Argument("message", many=True, help="the text; with --test the services, default: all of the home"),),
    ),
    *(
        StepSpec(
            f"schedule {verb}",
            summary,
            f"watchdog.commands.schedule:{verb}",
            (
                SERVICE,
                Option(
                    "--as",
                    choices=("cron", "systemd", "launchd", "task-scheduler"),
                    help="which scheduler; default: task-scheduler on Windows, else cron",
                ),
                Option("--every", "duration", "1m", "how often"),
                Option("--loop", "flag", help="install `wd watch` as a systemd service"),
                Option("--dry-run", "flag", help="only show what would be written"),
            ),
        )
        for verb, summary in (
            ("install", "let cron, systemd or the Task Scheduler run `wd tick`"),
            ("show", "show what the scheduler runs for this home"),
            ("remove", "remove what `install` added, and nothing else"),
        )
    ),
)

_SIDECAR = StepSpec(
    "sidecar",
    "run a server that speaks over stdin and stdout, watch it and replace it when it hangs or dies",
    "watchdog.sidecar.command:sidecar",
    (
        Option("--service", "service", help="a service of the home: its playbook names the command", metavar="NAME"),
        Option("--name", help="the name in reports (default: the program's)", metavar="NAME"),
        Option("--limit", many=True, help="time for an answer, default 5m (initialize: 1m)", metavar="[METHOD=]TIME"),
        Option("--restarts", "integer", None, "this many restarts in a row, then give up (default: 3)"),
        Option("--healthy", "duration", None, "after this time without a fault the count is 0 again (default: 1m)"),
        Option("--queue", "size", None, "bytes that wait in each direction, then the sender waits (default: 8MB)"),
        Option("--grace", "duration", None, "time from SIGTERM to SIGKILL (default: 2s)"),
        Option("--ping", "duration", None, "send `ping` after this time without a message (default: never)"),
        Option("--replay", many=True, help="a new child gets messages of this method again", metavar="METHOD"),
        Option("--lossy", many=True, help="drop messages of this method when the queue is full", metavar="METHOD"),
        Option("--terminal", many=True, help="an event of this name ends an answer", metavar="EVENT"),
        Option("--framing", default=None, choices=("auto", "lines", "headers", "raw"), help="default: auto"),
    ),
    (Argument("command", many=True, help="the server, after `--`"),),
)

_HOME: tuple[StepSpec, ...] = (
    StepSpec(
        "init",
        "make a home, or write the playbook of a running server",
        "watchdog.commands.init:init",
        (
            Option("--from", help="write the playbook of this running server: :8000", metavar="SELECTOR"),
            Option("--name", help="the service's name, with --from (default: guessed)", metavar="NAME"),
        ),
        (Argument("folder", help="where; without one: here"),),
    ),
    StepSpec(
        "validate",
        "report every mistake in the playbooks and runbooks",
        "watchdog.commands.validate:validate",
        (Option("--here", "flag", help="also try what the playbooks need of this machine; nothing is changed"),),
        (Argument("file", many=True, help="default: all of the home"),),
    ),
    StepSpec(
        "runbooks list",
        "list the runbooks of the home and the shipped ones",
        "watchdog.commands.catalogue:list_all",
        lists=True,
    ),
    StepSpec(
        "runbooks show",
        "print a runbook",
        "watchdog.commands.catalogue:show",
        (),
        (Argument("runbook", required=True, kind="runbook"),),
    ),
    StepSpec(
        "runbooks lint",
        "report steps without a time limit, a proof or an answer to failure",
        "watchdog.commands.catalogue:lint",
        (),
        (Argument("runbook", many=True, kind="runbook", help="default: all of the home"),),
    ),
    StepSpec(
        "completion",
        "print the script that completes `wd` commands and names in your shell",
        "watchdog.cli.completion:completion",
        (),
        (Argument("shell", required=True, choices=("bash", "zsh", "fish", "powershell")),),
    ),
    StepSpec("man", "print the man page; `man -l -` shows it", "watchdog.cli.man:man"),
    StepSpec("schema", "print the JSON Schema of a playbook, for editors", "watchdog.commands.schema:schema"),
)

_CARE: tuple[StepSpec, ...] = (
    StepSpec(
        "leak call",
        "call a function 1, 10, 100, 1,000 times and count the objects that stay",
        "watchdog.commands.leak:leak_call",
        (
            Option("--python", "path", help="the interpreter that can import it (default: a venv beside it)"),
            Option("--cwd", "path", help="folder to run it in", metavar="DIR"),
            Option("--calls", default="1,10,100,1000", help="how often"),
            Option("--compare", "path", help="compare with an earlier result of --save", metavar="FILE"),
            Option("--save", "path", help="save the result", metavar="FILE"),
            Option("--picture", "path", help="draw what holds the objects that grew", metavar="FILE"),
            Option("--within", "duration", "1m", "how long it may take"),
        ),
        (Argument("function", required=True, help="package.module:function"),),
    ),
    StepSpec(
        "leak watch",
        "follow the memory of a live server and name the type that grows",
        "watchdog.commands.leak:leak_watch",
        (
            Option("--for", "duration", "1m", "how long to follow it"),
            Option("--every", "duration", "1s", "time between two measurements"),
        ),
        targets=True,
    ),
    StepSpec(
        "workers",
        "recommend the number of workers of a server",
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
        "write a one-file request limiter for your own server",
        "watchdog.commands.guard:guard",
        (
            Option("--to", "path", required=True, help="the file to write", metavar="FILE"),
            Option("--yes", "flag", help="replace an existing file"),
        ),
    ),
)

COMMANDS: dict[str, StepSpec] = {
    spec.name: spec for spec in (*_RUNS, *_LEDGER, *_LOOP, *FLEET, _SIDECAR, *_POLICY, *_CARE, *_HOME)
}
