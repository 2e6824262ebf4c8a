"""Pages of the commands for one server, for a runbook and for setting up."""

from __future__ import annotations

from watchdog.cli.manual_parts import ACTS, ENDS, LISTED, NOTHING, STATES, Manual
from watchdog.model.exits import Exit

SERVERS: dict[str, Manual] = {
    "ps": Manual(
        NOTHING,
        (("wd ps", "list every Python server"), ("wd ps --hung", "list only those that do not answer")),
        LISTED,
        ("--hung", "--all"),
    ),
    "find": Manual(
        NOTHING,
        (
            ("wd find --port 8000", "list the processes of the server on port 8000"),
            ('wd find --cmdline "uvicorn shop:app" -o pids', "print only the pids"),
        ),
        LISTED,
        ("--port", "--cmdline", "--service"),
    ),
    "why": Manual(
        "It changes nothing: the server is neither stopped nor altered. It may send HTTP requests to the server.",
        (
            ("wd why :8000", "name the cause and the guilty line of the server on port 8000"),
            ("wd why shop -o json", "the same of a service, as JSON"),
        ),
        STATES,
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
        ENDS,
        ("--port", "--service", "--dry-run", "--yes", "--force"),
    ),
    "run": Manual(
        "It changes what the steps of the runbook change; `--dry-run` shows them.",
        (
            ("wd run frozen-server --service shop --dry-run", "show the plan"),
            ("wd run frozen-server --service shop", "run the whole procedure"),
        ),
        ENDS,
        ("--service", "--dry-run", "--set", "--step", "--yes"),
    ),
    "status": Manual(
        NOTHING,
        (("wd status", "show every service"), ("wd status shop", "show all of one service")),
        STATES,
        ("--service", "--follow"),
    ),
    "logs": Manual(
        NOTHING,
        (("wd logs shop -f", "show new lines as they come"), ("wd logs shop --since 10m", "show the last ten minutes")),
        LISTED,
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
        ACTS,
        ("--service", "--within", "--dry-run"),
    ),
    "stop": Manual(
        "Until `wd start NAME`, the loop does not start it again.",
        (("wd stop shop", "end the service"), ("wd stop shop --dry-run", "show the plan")),
        ACTS,
        ("--service", "--grace", "--dry-run"),
    ),
    "restart": Manual(
        "It changes only this service.",
        (("wd restart shop", "restart it"), ("wd restart shop --dry-run", "show the plan")),
        ACTS,
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
        NOTHING,
        (("wd check shop", "run the checks of the playbook"), ("wd check shop -o json", "print the result as JSON")),
        STATES,
        ("--service",),
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
        NOTHING,
        (
            ("wd validate", "check the whole home"),
            ("wd validate --here", "also try commands, folders, logs, ports and probes on this machine"),
            ("wd validate playbooks/shop.yml", "check one file"),
        ),
        (Exit.FINE, Exit.WARNING, Exit.UNKNOWN),
        ("--here",),
    ),
    "runbooks list": Manual(
        NOTHING, (("wd runbooks list", "list them"), ("wd runbooks list -o json", "print the result as JSON")), LISTED
    ),
    "runbooks show": Manual(
        NOTHING,
        (("wd runbooks show frozen-server", "print one"), ("wd runbooks show dead-server", "print another")),
    ),
    "runbooks lint": Manual(
        NOTHING,
        (("wd runbooks lint", "check all of them"), ("wd runbooks lint frozen-server", "check one")),
        (Exit.FINE, Exit.WARNING, Exit.UNKNOWN),
    ),
    "schema": Manual(NOTHING, (("wd schema", "print it"), ("wd schema -o json", "print it on one line"))),
    "doctor": Manual(
        NOTHING, (("wd doctor", "test this machine"), ("wd doctor -o json", "print the result as JSON")), STATES
    ),
    "demo": Manual(
        "It starts its own server in a temporary folder, lets it hang and restarts it.",
        (("wd demo", "see the whole procedure"), ("wd demo --quiet", "see only the result")),
        ACTS,
    ),
    "completion": Manual(
        NOTHING,
        (("wd completion bash", "print the script for bash"), ("wd completion fish", "print the script for fish")),
    ),
    "man": Manual(NOTHING, (("wd man", "print the man page"), ("wd man -o plain", "the same"))),
    "http": Manual(
        "What the request changes depends on the server.",
        (
            ("wd http http://127.0.0.1:8000/reset --method POST", "send a POST request"),
            ("wd http http://127.0.0.1:8000/health --expect 200", "fail unless the status is 200"),
        ),
        ACTS,
    ),
    "exec": Manual(
        "It does what the command does.",
        (("wd exec -- systemctl reload nginx", "run a command"), ("wd exec --timeout 5s -- sync", "end it after 5 s")),
        ACTS,
    ),
    "wait": Manual(NOTHING, (("wd wait 10s", "wait ten seconds"), ("wd wait 500ms", "wait half a second"))),
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
