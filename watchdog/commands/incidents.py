"""`wd incidents`: past troubles, the log of what people did, and what a person adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from watchdog.commands.troubles import is_trouble
from watchdog.journal.store import Journal
from watchdog.model.errors import Failed, WrongUsage
from watchdog.model.incident import Incident, Trigger
from watchdog.report import write
from watchdog.report.build import build
from watchdog.steps.report import samples_before
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.system.disk import files
from watchdog.system.host import browser
from watchdog.text.language import speaking
from watchdog.text.printable import printable
from watchdog.text.shown import joined
from watchdog.text.units import format_duration

_MOST = 100_000  # runs of the journal that are looked through


def listing(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Troubles, newest first: when, service, trigger, input, cause, fix, downtime."""
    found, cut_off = _found(context, options, lambda one: bool(options.get("all")) or is_trouble(one))
    rows = tuple(row(one, one.id in cut_off) for one in found)
    if not rows:
        return StepResult("nothing", "no incident was recorded; `wd incidents log` shows what people did")
    return StepResult("ok", f"{len(rows)} incidents", {"incidents": len(rows)}, rows, text=_table(found, cut_off))


def log(context: Context, options: Mapping[str, Any]) -> StepResult:
    """What people and timetables did, newest first, one line each."""
    found, cut_off = _found(context, options, lambda one: not is_trouble(one))
    rows = tuple(row(one, one.id in cut_off) for one in found)
    if not rows:
        return StepResult("nothing", "nobody has done anything; `wd incidents list` shows the troubles")
    return StepResult("ok", f"{len(rows)} acts", {"acts": len(rows)}, rows, text=joined(map(_act, found)))


def _found(
    context: Context, options: Mapping[str, Any], wanted: Callable[[Incident], bool]
) -> tuple[tuple[Incident, ...], set[str]]:
    """(the newest that are wanted, ids of runs that were cut off)."""
    service = context.selector.service or options.get("service")
    begin = clock.now() - float(options["since"]) if options.get("since") else 0.0
    limit = int(options.get("limit") or 50)
    with _journal(context) as journal:
        looked = limit
        while True:
            everything = journal.incidents(service, begin, looked)
            found = tuple(filter(wanted, everything))[:limit]
            if len(found) == limit or len(everything) < looked or looked >= _MOST:
                break
            looked = min(10 * looked, _MOST)
        cut_off = {one.id for one in journal.unfinished(service)}
    if not everything and service:
        from watchdog.config import playbooks  # here: only for the nearest name

        playbooks.service(context.home, service)  # BadConfig if no service has this name
    return found, cut_off


def _act(one: Incident) -> str:
    """ "2026-…-a1b2c3  5m ago  shop  refused  root: wd start shop"."""
    ago = f"{format_duration(max(0.0, clock.now() - one.opened))} ago"
    what = one.trigger.typed or one.runbook
    return "  ".join(filter(None, (one.id, ago, one.service or "", one.came_to, f"{_who(one.trigger)}: {what}")))


def show(context: Context, options: Mapping[str, Any]) -> StepResult:
    """One incident: its report as text, or all of it as JSON."""
    from watchdog.report.render import markdown  # here: the templates' compiler is not needed for a list

    with _journal(context) as journal:
        found = _named(journal, options)
        with speaking(options.get("lang") or write.language_of(Path(found.folder))):
            text = markdown(build(found, Path(found.folder)))
    return StepResult("ok", write.one_line(found), found.record(), text=text)


def report(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Make the report again from the journal and the evidence, and say where it is."""
    with _journal(context) as journal:
        found = _named(journal, options)
        path = _rewrite(journal, found, options.get("lang") or "")
    return StepResult("ok", str(path), {"incident": found.id, "report": str(path)})


def open_page(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Show the HTML page in a browser; it is written first if it is missing. Without a browser only its path."""
    with _journal(context) as journal:
        found = _named(journal, options)
        page = Path(found.folder) / "report.html"
        language = options.get("lang") or ""
        if not page.is_file() or (language and language != write.language_of(page.parent)):
            page = _rewrite(journal, found, language).with_name("report.html")
    shown = browser.show_file(page)
    text = joined(
        [str(page)] if shown else [str(page), "no browser can be opened here: copy the page to your own machine"]
    )
    return StepResult("ok", str(page), {"incident": found.id, "page": str(page), "opened": shown}, text=text)


def note(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Fill in what only a person knows: the root cause, the fix, or a free text."""
    text = " ".join(options.get("text") or ())
    fields = {key: options[key] for key in ("root_cause", "fix") if options.get(key)}
    if not text and not fields:
        raise WrongUsage(
            "there is nothing to write down",
            todo="Write `wd incidents note ID --root-cause TEXT --fix TEXT`, or a text behind the ID.",
        )
    with _journal(context) as journal:
        found = _named(journal, options)
        if fields:
            journal.update(found.id, **fields)
        if text:
            journal.note(found.id, text, context.trigger.by)
        path = _rewrite(journal, journal.incident(found.id))
    return StepResult("ok", f"noted; the report was made again: {path}", {"incident": found.id, "report": str(path)})


def _journal(context: Context) -> Journal:
    return Journal.open(context.state, context.say)


def _named(journal: Journal, options: Mapping[str, Any]) -> Incident:
    """The one that was named; by default the newest trouble, and where there is none the newest run."""
    if name := options.get("incident"):
        return journal.incident(str(name))
    newest = next(filter(is_trouble, journal.incidents(limit=_MOST)), None)
    return journal.incident(newest.id if newest else "last")


def _rewrite(journal: Journal, found: Incident, language: str = "") -> Path:
    folder = Path(found.folder)
    files.make_folder(folder)
    # The samples that were kept with the first report stay where the journal has none any more.
    try:
        path = write.write(found, folder, samples_before(journal, found), language=language)
    except OSError as error:
        raise Failed(f"the report of {found.id} could not be written", error.strerror or str(error)) from None
    journal.update(found.id, report=str(path))
    return path


def row(one: Incident, cut_off: bool) -> dict[str, Any]:
    """One line of the list as JSON."""
    record = one.record()
    del record["steps"], record["notes"], record["head"]
    record["trigger"] = one.trigger.kind + (f": {one.trigger.detail}" if one.trigger.detail else "")
    record["cut_off"] = cut_off
    record["trouble"] = is_trouble(one)
    return record


def _table(found: tuple[Incident, ...], cut_off: set[str]) -> str:
    """Three lines an incident: a table of eight columns would not fit a terminal at 3 a.m."""
    lines = []
    for one in found:
        outcome = "cut off" if one.id in cut_off else one.came_to
        down = f"down {format_duration(one.downtime)}" if one.downtime is not None else ""
        ago = f"{format_duration(max(0.0, clock.now() - one.opened))} ago"
        culprit = (one.finding or {}).get("culprit") or {}
        where = f" at {culprit.get('file')}:{culprit.get('line')}" if culprit.get("file") else ""
        lines.append("  ".join(filter(None, (one.id, ago, one.service or "", outcome, down))))
        lines.append(f"    {one.runbook}, {_who(one.trigger)}")
        told = (
            ("given up", one.trigger.gave_up),
            ("cause", (one.root_cause or one.cause) + where),
            ("input", one.request),
            ("fix", one.fix),
        )
        lines += [f"    {name}: {printable(text)}" for name, text in told if text]
    return joined(lines)


def _who(trigger: Trigger) -> str:
    """ "by root", "by wd watch (death)"."""
    by = trigger.by or "somebody unknown"
    return f"by {by}" if trigger.kind == "person" else f"by {by} ({trigger.kind})"
