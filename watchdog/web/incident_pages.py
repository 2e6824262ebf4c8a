"""An incident while it runs and afterwards: the runbook as a document, then the report, then what a person adds."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse, RedirectResponse, Response

from watchdog.commands import incidents as commands
from watchdog.commands.troubles import is_trouble
from watchdog.model.errors import NothingMatched
from watchdog.model.incident import Incident
from watchdog.report.build import build, clean
from watchdog.report.compare import compare, in_words
from watchdog.report.pictures import with_pictures
from watchdog.system.disk.parts import read_part
from watchdog.text.language import translated
from watchdog.web import look, runbook_page
from watchdog.web.asked import Asked, Wrong

_LONGEST_FILE = 4 << 20  # bytes of evidence that are shown
_LONGEST_NOTE = 4000
_EARLIER = 5


def incident(asked: Asked) -> Response:
    found = _named(asked)
    return look.page(
        "incident.html.j2", asked.site, asked.visitor, **_values(asked, found), earlier=_earlier(asked, found)
    )


def body(asked: Asked) -> Response:
    """What changes while it runs."""
    text = look.part("incident_body.html.j2", **_values(asked, _named(asked)))
    return HTMLResponse(text, headers={"cache-control": "no-store"})


def evidence(asked: Asked) -> Response:
    """A file of its evidence, as text whatever it is. Only what its manifests name."""
    found = _named(asked)
    wanted = asked.path["path"]
    page = build(found, Path(found.folder))
    if wanted not in {one.path for one in page.kept}:
        raise NothingMatched(translated("{incident} has no evidence {path!r}", incident=found.id, path=wanted))
    part = read_part(Path(found.folder) / wanted, _LONGEST_FILE)
    if part.error:
        raise NothingMatched(translated("{path} cannot be read", path=wanted), part.error)
    headers = {
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "cache-control": "no-store",
    }
    return Response(part.data, 200, headers, media_type="text/plain; charset=utf-8")


def note(asked: Asked) -> Response:
    """The root cause, the fix or a note, as `wd incidents note` takes it."""
    found = _named(asked)
    given = {key: asked.form.get(key, "").strip() for key in ("root_cause", "fix", "text")}
    if any(len(value) > _LONGEST_NOTE for value in given.values()):
        raise Wrong(400, translated("a note has at most {count} characters", count=_LONGEST_NOTE))
    changed = {key: value for key, value in given.items() if value and value != getattr(found, key, "")}
    if changed:
        words = tuple(filter(None, [changed.pop("text", "")]))
        commands.note(asked.site.context(asked.person), {"incident": found.id, "text": words, **changed})
    return RedirectResponse(f"/incidents/{found.id}", 303)


def comparison(asked: Asked) -> Response:
    """Two incidents side by side, the earlier one first."""
    first, second = sorted((_named(asked, "other"), _named(asked)), key=lambda one: one.opened)
    values: dict[str, Any] = {
        "first": first,
        "second": second,
        "rows": compare(first, second),
        "words": in_words(first, second),
    }
    return look.page("compare.html.j2", asked.site, asked.visitor, **values)


def _named(asked: Asked, key: str = "id") -> Incident:
    """By its whole id: a page is no place for guesses."""
    found = asked.site.journal().incident(asked.path[key])
    if found.id != asked.path[key]:
        what = translated("there is no incident {name!r}", name=asked.path[key])
        raise NothingMatched(what, todo=translated("The page History shows them."))
    return clean(found)


def _values(asked: Asked, found: Incident) -> dict[str, Any]:
    folder = Path(found.folder)
    runs = found.outcome == "running" and found.id not in {one.id for one in asked.site.journal().unfinished()}
    return {
        "incident": found,
        "page": with_pictures(build(found, folder), folder),
        "document": runbook_page.drawn(found, asked.site.home),
        "is_running": runs,
        "link_files": f"/incidents/{found.id}/evidence/",
    }


def _earlier(asked: Asked, found: Incident) -> tuple[tuple[Incident, str], ...]:
    """The troubles of the same service before it, each with how it compares."""
    before = (
        one
        for one in asked.site.journal().incidents(found.service, limit=100)
        if one.opened < found.opened and found.service and is_trouble(one)
    )
    return tuple((one, in_words(one, found)) for one in islice(before, _EARLIER))
