"""`wd fleet …`: commands for many hosts. Specs only."""

from __future__ import annotations

from watchdog.steps.spec import Argument, Option, StepSpec

_SERVICE = Option("--service", "service", help="only this service", metavar="NAME")
_INVENTORY = (
    Option("--inventory", many=True, help="Ansible's inventory (default: Ansible's own)", metavar="FILE", short="-i"),
    Option("--limit", help="only these hosts or groups, as Ansible writes them", metavar="PATTERN", short="-l"),
    Option("--at-once", "integer", 25, "ask this number of hosts at a time", least=1),
)
_SELECTOR = (
    Option("--port", "integer", None, "the server that listens on this port"),
    Option("--cmdline", help="words of its command line, in order", metavar="TEXT"),
    Option("--regex", "flag", help="--cmdline is a regular expression"),
    _SERVICE,
)
_WITHIN = Option("--within", "duration", None, "time limit on each host")
_WORDS = Argument("words", many=True, kind="service", help="a service of the hosts' homes, or :PORT")

_ASKED: tuple[StepSpec, ...] = (
    StepSpec(
        "fleet ps",
        "list the Python servers of many hosts",
        "watchdog.fleet.asking:ps",
        (
            *_INVENTORY,
            Option("--hung", "flag", help="only those that do not answer"),
            Option("--all", "flag", help="also list servers that are not Python"),
            _WITHIN,
        ),
    ),
    StepSpec(
        "fleet why",
        "explain why servers of many hosts hang (default: all that hang)",
        "watchdog.fleet.asking:why",
        (*_INVENTORY, *_SELECTOR, _WITHIN),
        (_WORDS,),
    ),
    StepSpec(
        "fleet status",
        "show the services of many hosts, worst first",
        "watchdog.fleet.asking:status",
        (*_INVENTORY, _SERVICE, _WITHIN),
        (_WORDS,),
    ),
    StepSpec(
        "fleet tick",
        "run all probes once and act, on many hosts",
        "watchdog.fleet.asking:tick",
        (*_INVENTORY, _SERVICE, _WITHIN),
        (_WORDS,),
    ),
)

_MAX_FAILED = "begin no further host once more than this number failed, were not reached or are silent"
_RUN: tuple[StepSpec, ...] = (
    StepSpec(
        "fleet run",
        "run a runbook on many hosts, in batches, within a budget of failures",
        "watchdog.fleet.running:run",
        (
            *_INVENTORY[:2],
            Option("--batch", default="1,5,10%", help="hosts of each batch; the last size repeats", metavar="SIZES"),
            Option("--max-failed", "integer", 0, _MAX_FAILED),
            Option("--max-at-once", "integer", 25, "hosts at a time", least=1),
            Option("--limit-of-all", "integer", None, "hosts at a time over all controllers (needs a store)", least=1),
            Option("--lease", "duration", "1m", "a slot of a dead controller is free after this time"),
            Option(
                "--verify",
                many=True,
                help="what must hold after each batch: an address, a command, or "
                "`prometheus http://HOST:9090 EXPRESSION`",
                metavar="PROOF",
            ),
            Option("--verify-within", "duration", "1m", "time until it must hold"),
            Option("--deadline", "duration", "15m", "time for the run on each host"),
            Option("--silence", "duration", "1m", "a host that says nothing for this time is silent"),
            Option("--id", help="id of the run; the same id again begins nothing twice", metavar="ID"),
            *_SELECTOR,
            Option("--set", many=True, help="a parameter of the runbook", metavar="NAME=VALUE"),
            Option("--dry-run", "flag", help="print the plan; no host is asked"),
            Option("--yes", "flag", help="answer every question on the hosts with yes", short="-y"),
        ),
        (Argument("runbook", kind="runbook"),),
    ),
    StepSpec(
        "fleet resume",
        "go on with a run: fetch what has begun, begin what has not",
        "watchdog.fleet.running:resume",
        (Option("--max-failed", "integer", None, "another budget for it"),),
        (Argument("run", required=True, help="its id"),),
    ),
    StepSpec(
        "fleet clean",
        "remove what wd has left on the hosts: copies of itself, files of ended runs",
        "watchdog.fleet.asking:clean",
        _INVENTORY,
    ),
    StepSpec(
        "fleet store",
        "the record that several controllers share: make its tables, send to it, show it",
        "watchdog.fleet.store_command:store",
        (),
        (Argument("verb", required=True, choices=("upgrade", "forward", "show"), help="what to do"),),
    ),
    StepSpec(
        "fleet host",
        "the host's side of a run; `wd fleet run` calls it over the link",
        "watchdog.fleet.on_host:host",
        (),
        (Argument("verb", required=True, choices=("follow", "fetch", "pack", "clean")),),
    ),
    StepSpec(
        "fleet collection",
        "print the folder of the Ansible collection wd.oncall, for who uses only ansible-playbook",
        "watchdog.fleet.ansible_collection:collection",
        (),
    ),
)

FLEET = (*_ASKED, *_RUN)
