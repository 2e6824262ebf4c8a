"""From parsed words to a run: who is meant, which home, where the record goes; then the runner; then the showing."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchdog.cli import show
from watchdog.model.errors import BadConfig, Refused, WdError, WrongUsage
from watchdog.model.exits import Exit
from watchdog.model.incident import Trigger
from watchdog.model.selector import Selector
from watchdog.steps.spec import Context, StepResult, StepSpec
from watchdog.system import clock, here
from watchdog.system.disk import files
from watchdog.system.process import processes
from watchdog.targets import select

if TYPE_CHECKING:
    from watchdog.model.playbook import Playbook


def perform(spec: StepSpec, values: dict[str, Any]) -> Exit:
    """Run one command of the shell and show what it came to."""
    if spec.targets:
        processes.expect_questions()
    values = with_service(_named_first(spec, values))
    output = values.get("output") or "table"
    context = make_context(spec, values)
    result = _journalled(spec, values, context) if spec.changes else spec.function()(context, values)
    return show.result(spec, result, output)


def make_context(spec: StepSpec, values: Mapping[str, Any]) -> Context:
    """Everything a step may need. The config room is only entered where a service is named."""
    selector = selector_of(values)
    home = _home(values.get("home"))
    show.name_home(values.get("home") or "")
    playbook = None
    if selector.service and (spec.targets or spec.service):
        playbook = _playbook(home, selector.service, keep=not values.get("dry_run"))
    elif spec.service:
        error = Refused if spec.changes else WrongUsage
        raise error("no service was named", todo=f"Name one: `wd {spec.name} NAME`")
    state = files.state_folder(home)
    within = values.get("within")
    yes, quiet = bool(values.get("yes")), bool(values.get("quiet"))
    return Context(
        selector=selector,
        say=show.quiet if quiet else show.say,
        ask=lambda question: yes or show.ask(question),
        ask_within=(lambda question, seconds, still: "yes") if yes else show.ask_within,
        folder=state / "incidents",
        state=state,
        playbook=playbook,
        home=home,
        trigger=Trigger("person", _typed(), _user(), typed=_typed(), home=values.get("home") or ""),
        dry_run=bool(values.get("dry_run")),
        yes=yes,
        deadline=clock.monotonic() + within if isinstance(within, int | float) else None,
    )


def _named_first(spec: StepSpec, values: dict[str, Any]) -> dict[str, Any]:
    """`wd ack shop rolling back`: where a text follows, its first word is the service."""
    text = values.get("text")
    if not spec.service or values.get("service") or not isinstance(text, tuple) or not text:
        return values
    return {**values, "words": text[:1], "text": text[1:]}


def with_service(values: dict[str, Any]) -> dict[str, Any]:
    """A bare word is a service: it becomes the value of --service. WrongUsage for a number or a second name."""
    names = [word for word in values.get("words") or () if word != "-" and not word.startswith(":")]
    for name in names:
        if name.isdecimal():
            raise WrongUsage(
                f"{name} is not the name of a service", todo=f"Write :{name} for a port, --pid {name} for a pid."
            )
    if not names:
        return values
    if len({*names, values.get("service") or names[0]}) > 1:
        raise WrongUsage(f"more than one service: {', '.join(names)}", todo="Name one.")
    rest = tuple(word for word in values["words"] if word not in names)
    return {**values, "words": rest, "service": names[0]}


def selector_of(values: Mapping[str, Any]) -> Selector:
    """The words are `:PORT` and `-` here: `with_service` took the names out."""
    words = values.get("words") or ()
    given = [word[1:] for word in words if word != "-"]
    given += [str(values["port"])] if values.get("port") is not None else []
    ports = list(dict.fromkeys(map(select.port, given)))
    if len(ports) > 1:
        raise WrongUsage(f"more than one port: {', '.join(map(str, ports))}", todo="Name one.")
    identities = select.identities(sys.stdin) if "-" in words else ()
    try:
        cmdline = tuple(here.split(values.get("cmdline") or ""))
    except ValueError as error:
        raise WrongUsage(f"--cmdline: {error}", todo="Close the quotation.") from error
    if values.get("regex"):
        cmdline = (values.get("cmdline") or "",)
    pid = values.get("pid")
    return Selector(
        port=ports[0] if ports else None,
        cmdline=cmdline,
        regex=bool(values.get("regex")),
        pid=select.pid(pid) if pid is not None else None,
        service=values.get("service"),
        hung=bool(values.get("hung")) and "words" in values,
        identities=identities,
    )


def _home(named: str | None) -> Path | None:
    from watchdog.config import home

    found = home.look_for_home(named)
    for sentence in found.passed_over:
        show.say(sentence)
    return found.home


def _playbook(home: Path | None, service: str, *, keep: bool) -> Playbook:
    if home is None:
        raise BadConfig(
            f"no home was found, so the service {service!r} is not known",
            "A home is a folder with playbooks/, runbooks/ and logs/.",
            "Name it with --home or $WD_HOME, or make one with `wd init`.",
        )
    from watchdog.config import playbooks

    return playbooks.service(home, service, keep=keep)


def _typed() -> str:
    return shlex.join(["wd", *sys.argv[1:]])


def _user() -> str:
    import getpass

    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        from watchdog.system.host import accounts

        return accounts.our_name()


def _journalled(spec: StepSpec, values: Mapping[str, Any], context: Context) -> StepResult:
    """A command that changes something leaves the same record as the loop at night: it goes through the runner."""
    from watchdog.model.procedure import Block, StepCall
    from watchdog.runbook import run as runner

    if spec.name == "run":
        return spec.function()(context, values)
    if spec.targets and context.selector.empty:
        why = "An empty selector means nothing, never everything."
        raise Refused("nothing was selected", why, "Name a server: :PORT, --port, --cmdline, --pid or --service.")
    if "within" in {option.key for option in spec.options}:
        context.deadline = None  # the step's own: the time until it is ready, for example
    begin_changing(context)
    call = StepCall(tuple(shlex.split(_typed())[1:]), 0, 0)
    prepared = runner.Prepared(call, Block("wd", ()), spec, values)
    outcome, result = runner.execute([prepared], context, spec.name, pages=False)
    if result is None:
        raise WdError("nothing was done", outcome.message)
    if outcome.report and result.outcome != "nothing":
        context.say(f"record: {page_command(outcome.incident, context.trigger.home)}")
    return result


def page_command(incident: str | None, home: str) -> str:
    """What to type to see the page of a run."""
    return shlex.join(["wd", *(["--home", home] if home else []), "incidents", "open", incident or "last"])


def begin_changing(context: Context) -> None:
    """From here on a lost terminal must not stop us between a kill and a start; and every step is written down."""
    from watchdog.system.host import interrupts

    interrupts.outlive_the_terminal()
    if context.dry_run:
        return
    from watchdog.journal.store import Journal

    context.journal = Journal.open(context.state)
