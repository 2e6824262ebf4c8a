"""The runbook of an incident as the document that it is, with the state of each step in its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from watchdog.model.errors import BadConfig
from watchdog.model.incident import ROLLBACK, Incident, StepRecord
from watchdog.runbook import document, header
from watchdog.text.printable import printable_lines
from watchdog.web import look


def drawn(incident: Incident, home: Path) -> Markup | None:
    """None where there is no such runbook (any more): the steps then stand in the report alone."""
    try:
        runbook = document.find(incident.runbook, home)
    except BadConfig:
        return None
    _top, body = header.split(runbook.text)
    markdown = MarkdownIt("commonmark", {"html": False})
    markdown.add_render_rule("fence", _fence)
    # Every value was escaped by the renderer: HTML in a runbook is shown as text.
    return Markup(
        markdown.render(
            printable_lines(body),
            {
                "left": [step for step in incident.steps if not step.text.startswith(ROLLBACK)],
                "undone": [step for step in incident.steps if step.text.startswith(ROLLBACK)],
                "runs": incident.outcome == "running",
            },
        )
    )


def _fence(self: Any, tokens: Sequence[Any], index: int, options: Any, env: dict[str, Any]) -> str:
    """A block of steps with what came of each; any other block is shown as it stands."""
    token = tokens[index]
    if token.info.strip().partition(" ")[0] != "wd":
        return look.part("script.html.j2", text=token.content)
    lines = [line.strip() for line in token.content.split("\n") if line.strip() and not line.strip().startswith("#")]
    options_shown = token.info.strip().partition(" ")[2]
    left = env["undone" if "rollback" in options_shown.split() else "left"]
    done = [(line, _taken(line, left)) for line in lines]
    return look.part("steps.html.j2", done=done, options=options_shown, runs=env["runs"])


def _taken(line: str, left: list[StepRecord]) -> list[StepRecord]:
    """The steps that this line became: none yet, one, or a second one that was harder."""
    name = line.partition(" ")[0]
    found: list[StepRecord] = []
    while left and (left[0].step == name or not found):
        if left[0].step != name:
            place = next((at for at, one in enumerate(left) if one.step == name), None)
            if place is None:
                break
            del left[:place]  # of another runbook that was tried in between
        found.append(left.pop(0))
    return found
