"""Draws a page: one environment for all, in which every value from a machine is escaped."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from watchdog.report.render import html_environment
from watchdog.system import clock
from watchdog.text.units import format_duration
from watchdog.web.site import Site
from watchdog.web.visitors import Visitor

if TYPE_CHECKING:
    import jinja2

HERE = Path(__file__).parent


def page(name: str, site: Site, visitor: Visitor | None, status: int = 200, **values: Any) -> Response:
    """A template of this room with its values. It is never kept by a browser or a proxy."""
    text = part(name, **{"here": "", "site": site, "visitor": visitor, "status": status, **values})
    return HTMLResponse(text, status, {"cache-control": "no-store"})


def part(name: str, **values: Any) -> str:
    """The same as text."""
    return _environment().get_template(name).render(now=clock.now(), **values)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    made = html_environment(HERE / "templates")
    made.filters |= {"ago": _ago, "lasting": _lasting}
    return made


def _ago(when: float | None) -> str:
    """ "12s": how long it has been."""
    return format_duration(max(0.0, clock.now() - when)) if when is not None else ""


def _lasting(since: float) -> Markup:
    """The same, counted on by the page itself."""
    return Markup('<time class="lasts" data-since="{}">{}</time>').format(since, _ago(since))
