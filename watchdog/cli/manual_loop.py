"""Pages of the commands about the loop, many hosts and incidents."""

from __future__ import annotations

from watchdog.cli.manual_parts import ACTS, CARRIED, LISTED, NOTHING, OWN, STATES, WORST, Manual
from watchdog.model.exits import Exit

LOOP: dict[str, Manual] = {
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
        (*ACTS, Exit.NOTHING),
        ("--service",),
    ),
    "no": Manual(
        OWN,
        (("wd no", "refuse the only thing that is asked"), ("wd no shop", "refuse what is asked about this service")),
        (Exit.FINE, Exit.UNKNOWN, Exit.NOTHING, Exit.REFUSED),
        ("--service",),
    ),
    "web": Manual(
        "It changes only wd's own state: notes, users. It signals nothing. Only this machine can reach it, unless TLS "
        "or a proxy and a sign-in are set up.",
        (
            ("wd web", "serve the page at http://127.0.0.1:8321"),
            ("wd web --lang ja", "serve it in Japanese, whatever the browser prefers"),
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
        STATES,
        ("--service", "--metrics"),
    ),
    "explain": Manual(
        NOTHING,
        (
            ("wd explain shop", "show what the policy does, and when"),
            ("wd explain shop -o json", "print the result as JSON"),
        ),
        common=("--service",),
    ),
    "snooze": Manual(
        OWN,
        (
            ("wd snooze shop --for 2h", "the loop leaves it alone for two hours"),
            ("wd snooze shop --until-healthy --why deploy", "leave it alone until it answers well again"),
        ),
        common=("--service", "--for", "--until-healthy"),
    ),
    "resume": Manual(
        OWN,
        (
            ("wd resume shop", "the loop acts on it again, with a new budget"),
            ("wd resume shop --why fixed", "the same, with a reason"),
        ),
        common=("--service",),
    ),
    "ack": Manual(
        OWN,
        (("wd ack shop", "say that you work on it"), ("wd ack shop rolling back", "the same, with a note")),
        common=("--service",),
    ),
    "replay": Manual(
        NOTHING,
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
        NOTHING,
        (
            ("wd schedule show", "show the line in the crontab"),
            ("wd schedule show --as systemd", "show the systemd units"),
        ),
        LISTED,
    ),
    "schedule remove": Manual(
        "It changes only the scheduler's entries of this home.",
        (("wd schedule remove", "remove the line"), ("wd schedule remove --as systemd", "remove the systemd units")),
    ),
    "incidents list": Manual(
        NOTHING,
        (
            ("wd incidents list", "list the last 50 incidents"),
            ("wd incidents list --service shop --since 7d", "list those of the last 7 days"),
        ),
        LISTED,
    ),
    "incidents log": Manual(
        NOTHING,
        (
            ("wd incidents log", "list the last 50 starts, stops, kills and refusals by hand"),
            ("wd incidents log --service shop --since 7d", "list those of the last 7 days"),
        ),
        LISTED,
    ),
    "fleet ps": Manual(
        CARRIED,
        (
            ("wd fleet ps -i hosts.yml", "list every Python server of every host"),
            ("wd fleet ps -i hosts.yml -l web --hung", "list those of the group web that do not answer"),
        ),
        WORST,
        ("--inventory", "--limit", "--hung"),
    ),
    "fleet why": Manual(
        f"{CARRIED} It may send HTTP requests to the servers.",
        (
            ("wd fleet why -i hosts.yml", "explain every server that hangs, hosts with the same cause together"),
            ("wd fleet why -i hosts.yml -l web shop", "the same of the service shop on the hosts of the group web"),
        ),
        WORST,
        ("--inventory", "--limit", "--service", "--port"),
    ),
    "fleet status": Manual(
        CARRIED,
        (
            ("wd fleet status -i hosts.yml", "show every service of every host"),
            ("wd fleet status -i hosts.yml shop -o json", "the service shop of every host, as JSON"),
        ),
        WORST,
        ("--inventory", "--limit", "--service"),
    ),
    "fleet tick": Manual(
        "On each host it does what `wd tick` does there: what the playbooks allow.",
        (
            ("wd fleet tick -i hosts.yml", "run all probes of all hosts once, and act"),
            ("wd fleet tick -i hosts.yml shop", "the same for the service shop"),
        ),
        WORST,
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
    "fleet store": Manual(
        "It changes the shared store only. `upgrade` makes its tables, or brings them up to this version of wd.",
        (
            ("wd fleet store upgrade", "make the tables of a new store, or upgrade those of an old one"),
            ("wd fleet store show", "list the newest incidents of all hosts"),
        ),
    ),
    "fleet host": Manual(
        "It starts the run that the order on its standard input names, once. People do not call it.",
        (
            ("wd fleet host follow", "begin a run, unless it has begun, and follow it"),
            ("wd fleet host fetch", "send the files of a run that has ended"),
        ),
    ),
    "fleet collection": Manual(
        "It changes nothing. `ansible-galaxy collection install` takes the folder.",
        (
            ("wd fleet collection", "print the folder"),
            ("wd fleet collection -o json", "the same as JSON"),
        ),
    ),
    "incidents open": Manual(
        "It changes nothing, except that it writes a missing page.",
        (
            ("wd incidents open", "show the page of the newest incident"),
            ("wd incidents open 2026-01-01", "show the page of the first incident of that day"),
        ),
        LISTED,
    ),
    "incidents show": Manual(
        NOTHING,
        (
            ("wd incidents show", "show the newest incident"),
            ("wd incidents show 2026-01-01", "show the first incident of that day"),
            ("wd incidents show --lang ja", "show the newest incident in Japanese"),
        ),
    ),
    "incidents report": Manual(
        "It writes the report's files again, from the journal.",
        (
            ("wd incidents report", "write that of the newest incident"),
            ("wd incidents report 2026-01-01", "write that of the first incident of that day"),
        ),
    ),
    "incidents verify": Manual(
        "It compares each incident, step and note with the chain of hashes, and the chain with the head of each report."
        " It changes nothing.",
        (
            ("wd incidents verify", "compare the whole record; exit code 2 if anything was changed or removed"),
            ("wd incidents verify -o json", "the same for a script: one line a fault, then the head"),
        ),
        WORST,
    ),
    "incidents note": Manual(
        OWN,
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
        STATES,
    ),
    "leak watch": Manual(
        NOTHING,
        (
            ("wd leak watch :8000 --for 2m", "follow its memory for two minutes"),
            ("wd leak watch --pid 4242", "follow the server with this pid"),
        ),
        STATES,
    ),
    "workers": Manual(
        NOTHING,
        (
            ("wd workers :8000", "recommend for the live server on port 8000"),
            ("wd workers --cpus 2 --memory 2GB --worker-memory 300MB", "recommend for a planned server"),
        ),
        STATES,
    ),
    "guard": Manual(
        "It writes one Python file.",
        (
            ("wd guard --to request_guard.py", "write the limiter beside your application"),
            ("wd guard --to request_guard.py --yes", "replace an existing file"),
        ),
        (Exit.FINE, Exit.UNKNOWN, Exit.REFUSED),
    ),
}
