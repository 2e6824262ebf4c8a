"""The pages of `wd --help`, `wd COMMAND --help` and the man page: groups, what a command changes, examples, exit codes.

Imported only when a page is shown. A test holds that every command has a page and that every example can be parsed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from watchdog.model.exits import Exit
from watchdog.steps.spec import StepSpec

Example = tuple[str, str]  # the line, what it does


class Manual(NamedTuple):
    """What the page of one command says beside its summary and its options."""

    changes: str  # what it changes outside of wd's own state; one sentence
    examples: tuple[Example, ...]
    exits: tuple[Exit, ...] = (Exit.FINE, Exit.UNKNOWN)
    common: tuple[str, ...] = ()  # options that stand first


GROUPS: dict[str, tuple[str, ...]] = {
    "Right now": ("ps", "why", "find", "snapshot", "kill", "run"),
    "Services": ("status", "logs", "start", "stop", "restart", "verify", "check"),
    "Between two programs": ("sidecar",),
    "Many hosts": ("fleet",),
    "The loop": ("watch", "web", "tick", "explain", "yes", "no", "snooze", "resume", "ack", "replay", "schedule"),
    "After an incident": ("incidents", "leak", "workers", "guard"),
    "Setting up": ("init", "validate", "runbooks", "schema", "doctor", "demo", "completion", "man"),
    "Inside a runbook": ("http", "exec", "wait", "notify", "report"),
}

EXITS: dict[Exit, str] = {
    Exit.FINE: "success; done and proven",
    Exit.WARNING: "warning",
    Exit.CRITICAL: "critical, or failed",
    Exit.UNKNOWN: "could not tell, invalid usage or invalid configuration",
    Exit.NOTHING: "nothing matched",
    Exit.REFUSED: "refused by a guard",
    Exit.INTERRUPTED: "interrupted",
}

_NOTHING = "It changes nothing."
_OWN = "It changes only wd's own state."
_LISTED = (Exit.FINE, Exit.UNKNOWN, Exit.NOTHING)
_STATES = (Exit.FINE, Exit.WARNING, Exit.CRITICAL, Exit.UNKNOWN)
_ACTS = (Exit.FINE, Exit.CRITICAL, Exit.UNKNOWN, Exit.REFUSED, Exit.INTERRUPTED)
_WORST = (Exit.FINE, Exit.WARNING, Exit.CRITICAL, Exit.UNKNOWN, Exit.NOTHING)
_CARRIED = "It changes no server. A host without wd gets a copy of it, see docs/fleet.md."
_ENDS = (Exit.FINE, Exit.CRITICAL, Exit.UNKNOWN, Exit.NOTHING, Exit.REFUSED, Exit.INTERRUPTED)

PAGES: dict[str, Manual] = {
    "ps": Manual(
        _NOTHING,
        (("wd ps", "list every Python server"), ("wd ps --hung", "list only those that do not answer")),
        _LISTED,
        ("--hung", "--all"),
    ),
    "find": Manual(
        _NOTHING,
        (
            ("wd find --port 8000", "list the processes of the server on port 8000"),
            ('wd find --cmdline "uvicorn shop:app" -o pids', "print only the pids"),
        ),
        _LISTED,
        ("--port", "--cmdline", "--service"),
    ),
    "why": Manual(
        "It changes nothing: the server is neither stopped nor altered. It may send HTTP requests to the server.",
        (
            ("wd why :8000", "name the cause and the guilty line of the server on port 8000"),
            ("wd why shop -o json", "the same of a service, as JSON"),
        ),
        _STATES,
        ("--port", "--service", "--within"),
    ),
    "snapshot": Manual(
        "It writes one folder of evidence; the server is not changed.",
        (
            ("wd snapshot :8000", "keep the evidence of the server on port 8000"),
            ("wd snapshot :8000 --logs /var/log/shop.log --to /tmp/evidence", "keep this log too, in this folder"),
        ),
        (Exit.FINE, Exit.WARNING, Exit.CRITICAL, Exit.UNKNOWN, Exit.NOTHING, Exit.REFUSED),
        ("--logs", "--to", "--within"),
    ),
    "kill": Manual(
        "It ends the processes of one server. Evidence is kept first; at the end the port is proven free.",
        (
            ("wd kill --port 8000 --dry-run", "show the plan and end nothing"),
            ("wd kill --port 8000", "end the server on port 8000"),
        ),
        _ENDS,
        ("--port", "--service", "--dry-run", "--yes", "--force"),
    ),
    "run": Manual(
        "It changes what the steps of the runbook change; `--dry-run` shows them.",
        (
            ("wd run frozen-server --service shop --dry-run", "show the plan"),
            ("wd run frozen-server --service shop", "run the whole procedure"),
        ),
        _ENDS,
        ("--service", "--dry-run", "--set", "--step", "--yes"),
    ),
    "status": Manual(
        _NOTHING,
        (("wd status", "show every service"), ("wd status shop", "show all of one service")),
        _STATES,
        ("--service", "--follow"),
    ),
    "logs": Manual(
        _NOTHING,
        (("wd logs shop -f", "show new lines as they come"), ("wd logs shop --since 10m", "show the last ten minutes")),
        _LISTED,
        ("--service", "--follow", "--since"),
    ),
    "sidecar": Manual(
        "It starts the server and ends it with the session. A server that hangs or dies is ended and started again.",
        (
            ("wd sidecar -- python server.py", "put this in the host's configuration in place of `python server.py`"),
            ("wd sidecar --service translator", "the command, the limits and the fallback of a playbook"),
            ("wd sidecar --limit 60s --limit tools/call=10m -- python server.py", "other limits for an answer"),
        ),
        (Exit.FINE, Exit.UNKNOWN),
        ("--service", "--limit", "--replay"),
    ),
    "start": Manual(
        "A service that already runs is not started twice.",
        (("wd start shop", "start the service"), ("wd start shop --dry-run", "show the plan")),
        _ACTS,
        ("--service", "--within", "--dry-run"),
    ),
    "stop": Manual(
        "Until `wd start NAME`, the loop does not start it again.",
        (("wd stop shop", "end the service"), ("wd stop shop --dry-run", "show the plan")),
        _ACTS,
        ("--service", "--grace", "--dry-run"),
    ),
    "restart": Manual(
        "It changes only this service.",
        (("wd restart shop", "restart it"), ("wd restart shop --dry-run", "show the plan")),
        _ACTS,
        ("--service", "--within", "--dry-run"),
    ),
    "verify": Manual(
        "It changes nothing. It sends HTTP requests to the server.",
        (
            ("wd verify shop", "prove that the service answers"),
            ("wd verify --url http://127.0.0.1:8000/health --healthy 5", "ask an address until 5 good answers"),
        ),
        (Exit.FINE, Exit.CRITICAL, Exit.UNKNOWN),
        ("--service", "--url", "--healthy", "--within"),
    ),
    "check": Manual(
        _NOTHING,
        (("wd check shop", "run the checks of the playbook"), ("wd check shop -o json", "print the result as JSON")),
        _STATES,
        ("--service",),
    ),
    "watch": Manual(
        "It probes the services of the home and acts as their policies allow, until it is ended. Changed playbooks are "
        "read again within seconds, or at once by SIGHUP.",
        (
            ("wd watch", "watch every service of the home"),
            ("wd watch --web 127.0.0.1:8321", "watch, and serve the page"),
            ("wd watch --service shop --metrics /run/shop.prom", "watch one service and write its metrics"),
        ),
        (Exit.FINE, Exit.UNKNOWN, Exit.INTERRUPTED),
        ("--service", "--web", "--metrics", "--ping"),
    ),
    "yes": Manual(
        "The loop then runs the runbook that it asked about, if the trouble lasts. The report says who said yes.",
        (("wd yes", "allow the only thing that is asked"), ("wd yes shop", "allow what is asked about this service")),
        (*_ACTS, Exit.NOTHING),
        ("--service",),
    ),
    "no": Manual(
        _OWN,
        (("wd no", "refuse the only thing that is asked"), ("wd no shop", "refuse what is asked about this service")),
        (Exit.FINE, Exit.UNKNOWN, Exit.NOTHING, Exit.REFUSED),
        ("--service",),
    ),
    "web": Manual(
        "It changes only wd's own state: notes, users. It signals nothing. Only this machine can reach it, unless TLS "
        "or a proxy and a sign-in are set up.",
        (
            ("wd web", "serve the page at http://127.0.0.1:8321"),
            ("wd web --add-user kim --role act", "let kim sign in and act"),
            ("wd web 10.0.0.5:8321 --tls-cert oncall.pem --tls-key oncall.key", "let other machines reach it"),
        ),
        (Exit.FINE, Exit.UNKNOWN, Exit.NOTHING, Exit.REFUSED, Exit.INTERRUPTED),
        ("--add-user", "--role", "--tls-cert", "--tls-key"),
    ),
    "tick": Manual(
        "It runs every probe once and acts as the policies allow. Its exit code and output suit Nagios.",
        (
            ("wd tick", "make one pass over every service"),
            ("wd --home /srv/oncall tick", "the same, as a line of cron"),
        ),
        _STATES,
        ("--service", "--metrics"),
    ),
    "explain": Manual(
        _NOTHING,
        (
            ("wd explain shop", "show what the policy does, and when"),
            ("wd explain shop -o json", "print the result as JSON"),
        ),
        common=("--service",),
    ),
    "snooze": Manual(
        _OWN,
        (
            ("wd snooze shop --for 2h", "the loop leaves it alone for two hours"),
            ("wd snooze shop --until-healthy --why deploy", "leave it alone until it answers well again"),
        ),
        common=("--service", "--for", "--until-healthy"),
    ),
    "resume": Manual(
        _OWN,
        (
            ("wd resume shop", "the loop acts on it again, with a new budget"),
            ("wd resume shop --why fixed", "the same, with a reason"),
        ),
        common=("--service",),
    ),
    "ack": Manual(
        _OWN,
        (("wd ack shop", "say that you work on it"), ("wd ack shop rolling back", "the same, with a note")),
        common=("--service",),
    ),
    "replay": Manual(
        _NOTHING,
        (
            ("wd replay --since 7d", "judge the answers of a week again"),
            ('wd replay --service shop --fails "3 of 5"', "the same with another threshold"),
        ),
        common=("--service", "--since", "--fails"),
    ),
    "schedule install": Manual(
        "It adds a line to the crontab, a systemd unit or a scheduled task of this user.",
        (
            ("wd schedule install --dry-run", "show what it would add"),
            ("wd schedule install --as systemd --loop", "run `wd watch` as a systemd service"),
        ),
        (Exit.FINE, Exit.CRITICAL, Exit.UNKNOWN, Exit.REFUSED),
    ),
    "schedule show": Manual(
        _NOTHING,
        (
            ("wd schedule show", "show the line in the crontab"),
            ("wd schedule show --as systemd", "show the systemd units"),
        ),
        _LISTED,
    ),
    "schedule remove": Manual(
        "It changes only the scheduler's entries of this home.",
        (("wd schedule remove", "remove the line"), ("wd schedule remove --as systemd", "remove the systemd units")),
    ),
    "incidents list": Manual(
        _NOTHING,
        (
            ("wd incidents list", "list the last 50 incidents"),
            ("wd incidents list --service shop --since 7d", "list those of the last 7 days"),
        ),
        _LISTED,
    ),
    "incidents log": Manual(
        _NOTHING,
        (
            ("wd incidents log", "list the last 50 starts, stops, kills and refusals by hand"),
            ("wd incidents log --service shop --since 7d", "list those of the last 7 days"),
        ),
        _LISTED,
    ),
    "fleet ps": Manual(
        _CARRIED,
        (
            ("wd fleet ps -i hosts.yml", "list every Python server of every host"),
            ("wd fleet ps -i hosts.yml -l web --hung", "list those of the group web that do not answer"),
        ),
        _WORST,
        ("--inventory", "--limit", "--hung"),
    ),
    "fleet why": Manual(
        f"{_CARRIED} It may send HTTP requests to the servers.",
        (
            ("wd fleet why -i hosts.yml", "explain every server that hangs, hosts with the same cause together"),
            ("wd fleet why -i hosts.yml -l web shop", "the same of the service shop on the hosts of the group web"),
        ),
        _WORST,
        ("--inventory", "--limit", "--service", "--port"),
    ),
    "fleet status": Manual(
        _CARRIED,
        (
            ("wd fleet status -i hosts.yml", "show every service of every host"),
            ("wd fleet status -i hosts.yml shop -o json", "the service shop of every host, as JSON"),
        ),
        _WORST,
        ("--inventory", "--limit", "--service"),
    ),
    "fleet tick": Manual(
        "On each host it does what `wd tick` does there: what the playbooks allow.",
        (
            ("wd fleet tick -i hosts.yml", "run all probes of all hosts once, and act"),
            ("wd fleet tick -i hosts.yml shop", "the same for the service shop"),
        ),
        _WORST,
        ("--inventory", "--limit", "--service"),
    ),
    "fleet run": Manual(
        "On each host it runs the runbook, detached from the link.",
        (
            ("wd fleet run frozen-server -i hosts.yml --service shop", "cure the service shop, batch after batch"),
            ("wd fleet run frozen-server -i hosts.yml --service shop --dry-run", "only print the plan"),
        ),
        (Exit.FINE, Exit.CRITICAL, Exit.UNKNOWN, Exit.NOTHING, Exit.REFUSED, Exit.INTERRUPTED),
        ("--inventory", "--limit", "--service", "--batch", "--max-failed", "--verify", "--dry-run"),
    ),
    "fleet resume": Manual(
        "It begins what was not begun, within the budget. Nothing is begun twice.",
        (
            ("wd fleet resume 2026-01-31-030012-4f2a", "finish this run"),
            ("wd fleet resume 2026-01-31-030012-4f2a --max-failed 3", "the same with a larger budget"),
        ),
        (Exit.FINE, Exit.CRITICAL, Exit.UNKNOWN, Exit.NOTHING, Exit.REFUSED, Exit.INTERRUPTED),
    ),
    "fleet clean": Manual(
        "On each host it removes wd's copies of itself and its files of runs that have ended. Incidents stay.",
        (
            ("wd fleet clean -i hosts.yml", "clean every host"),
            ("wd fleet clean -i hosts.yml -l web1", "clean the host web1"),
        ),
        (Exit.FINE, Exit.CRITICAL, Exit.UNKNOWN, Exit.NOTHING),
        ("--inventory", "--limit"),
    ),
    "fleet host": Manual(
        "It starts the run that the order on its standard input names, once. People do not call it.",
        (
            ("wd fleet host follow", "begin a run, unless it has begun, and follow it"),
            ("wd fleet host fetch", "send the files of a run that has ended"),
        ),
    ),
    "incidents open": Manual(
        "It changes nothing, except that it writes a missing page.",
        (
            ("wd incidents open", "show the page of the newest incident"),
            ("wd incidents open 2026-01-01", "show the page of the first incident of that day"),
        ),
        _LISTED,
    ),
    "incidents show": Manual(
        _NOTHING,
        (
            ("wd incidents show", "show the newest incident"),
            ("wd incidents show 2026-01-01", "show the first incident of that day"),
        ),
    ),
    "incidents report": Manual(
        "It writes the report's files again, from the journal.",
        (
            ("wd incidents report", "write that of the newest incident"),
            ("wd incidents report 2026-01-01", "write that of the first incident of that day"),
        ),
    ),
    "incidents note": Manual(
        _OWN,
        (
            ("wd incidents note 2026-01-01 --root-cause 'a missing timeout'", "write down the cause"),
            ("wd incidents note 2026-01-01 --fix 'requests.get(timeout=5)'", "write down the fix"),
        ),
    ),
    "leak call": Manual(
        "It runs the function in another interpreter, as often as you say.",
        (
            ("wd leak call shop.cart:add", "call it 1, 10, 100, 1,000 times"),
            ("wd leak call shop.cart:add --calls 1,10 --save before.json", "call it less often and keep the result"),
        ),
        _STATES,
    ),
    "leak watch": Manual(
        _NOTHING,
        (
            ("wd leak watch :8000 --for 2m", "follow its memory for two minutes"),
            ("wd leak watch --pid 4242", "follow the server with this pid"),
        ),
        _STATES,
    ),
    "workers": Manual(
        _NOTHING,
        (
            ("wd workers :8000", "recommend for the live server on port 8000"),
            ("wd workers --cpus 2 --memory 2GB --worker-memory 300MB", "recommend for a planned server"),
        ),
        _STATES,
    ),
    "guard": Manual(
        "It writes one Python file.",
        (
            ("wd guard --to request_guard.py", "write the limiter beside your application"),
            ("wd guard --to request_guard.py --yes", "replace an existing file"),
        ),
        (Exit.FINE, Exit.UNKNOWN, Exit.REFUSED),
    ),
    "init": Manual(
        "It makes three folders and one playbook: an example, or that of a running server. It overwrites nothing.",
        (
            ("wd init ~/oncall", "make a home there"),
            ("wd init --from :8000", "write the playbook of the server on port 8000"),
            ('wd init --from "celery worker" --name jobs', "write that of a server without a port, under this name"),
        ),
        (Exit.FINE, Exit.UNKNOWN, Exit.NOTHING, Exit.REFUSED),
        ("--from", "--name"),
    ),
    "validate": Manual(
        _NOTHING,
        (
            ("wd validate", "check the whole home"),
            ("wd validate --here", "also try commands, folders, logs, ports and probes on this machine"),
            ("wd validate playbooks/shop.yml", "check one file"),
        ),
        (Exit.FINE, Exit.WARNING, Exit.UNKNOWN),
        ("--here",),
    ),
    "runbooks list": Manual(
        _NOTHING, (("wd runbooks list", "list them"), ("wd runbooks list -o json", "print the result as JSON")), _LISTED
    ),
    "runbooks show": Manual(
        _NOTHING,
        (("wd runbooks show frozen-server", "print one"), ("wd runbooks show dead-server", "print another")),
    ),
    "runbooks lint": Manual(
        _NOTHING,
        (("wd runbooks lint", "check all of them"), ("wd runbooks lint frozen-server", "check one")),
        (Exit.FINE, Exit.WARNING, Exit.UNKNOWN),
    ),
    "schema": Manual(_NOTHING, (("wd schema", "print it"), ("wd schema -o json", "print it on one line"))),
    "doctor": Manual(
        _NOTHING, (("wd doctor", "test this machine"), ("wd doctor -o json", "print the result as JSON")), _STATES
    ),
    "demo": Manual(
        "It starts its own server in a temporary folder, lets it hang and restarts it.",
        (("wd demo", "see the whole procedure"), ("wd demo --quiet", "see only the result")),
        _ACTS,
    ),
    "completion": Manual(
        _NOTHING,
        (("wd completion bash", "print the script for bash"), ("wd completion fish", "print the script for fish")),
    ),
    "man": Manual(_NOTHING, (("wd man", "print the man page"), ("wd man -o plain", "the same"))),
    "http": Manual(
        "What the request changes depends on the server.",
        (
            ("wd http http://127.0.0.1:8000/reset --method POST", "send a POST request"),
            ("wd http http://127.0.0.1:8000/health --expect 200", "fail unless the status is 200"),
        ),
        _ACTS,
    ),
    "exec": Manual(
        "It does what the command does.",
        (("wd exec -- systemctl reload nginx", "run a command"), ("wd exec --timeout 5s -- sync", "end it after 5 s")),
        _ACTS,
    ),
    "wait": Manual(_NOTHING, (("wd wait 10s", "wait ten seconds"), ("wd wait 500ms", "wait half a second"))),
    "notify": Manual(
        "It sends a message to the addresses of the playbook.",
        (
            ("wd notify --test", "try every channel of the home"),
            ("wd notify --test shop", "try the channels of one service"),
            ('wd notify --service shop "it is back"', "send a message"),
        ),
        (Exit.FINE, Exit.WARNING, Exit.CRITICAL, Exit.UNKNOWN, Exit.NOTHING),
        ("--test", "--service"),
    ),
    "report": Manual(
        "It writes the report's files.", (("wd report", "write it"), ("wd report -o json", "the result as JSON"))
    ),
}


def page(spec: StepSpec) -> Manual:
    """The page above; a command without one gets what its spec tells."""
    words = " ".join(["wd", spec.name, *(f"{one.name.upper()}" for one in spec.arguments if one.required)])
    line = f"{words} --service shop" if spec.service else words
    examples = ((line, spec.summary), (f"{line} -o json", "the same, with the result as JSON"))
    changes = "It may change the service." if spec.changes else _NOTHING
    return PAGES.get(spec.name) or Manual(changes, examples, _ACTS if spec.changes else _STATES)


def groups(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`GROUPS`, with the commands that stand in none of them at the end of the last one."""
    last = next(reversed(GROUPS))
    more = set(names).difference(*GROUPS.values())
    return {**GROUPS, last: (*GROUPS[last], *sorted(more))}
