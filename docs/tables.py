"""Writes the tables of docs/playbooks.md and docs/causes.md from what each probe, check and cause says of itself.

python docs/tables.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from watchdog.checks.kind import CheckKind
from watchdog.checks.run import KINDS as CHECKS
from watchdog.model.causes import CAUSES, Cause
from watchdog.model.kinds import Key
from watchdog.probes.kind import ProbeKind
from watchdog.probes.registry import KINDS as PROBES

PAGE, CAUSES_PAGE = (Path(__file__).with_name(name) for name in ("playbooks.md", "causes.md"))


def probe_table(kinds: Iterable[ProbeKind]) -> str:
    rows = [f"| `{kind.name}` | {kind.summary} | {kind.subject.help} | {_keys(kind.keys)} |" for kind in kinds]
    return "\n".join(["| kind | what it asks | value | more keys |", "|---|---|---|---|", *rows])


def check_table(kinds: Iterable[CheckKind]) -> str:
    rows = [
        f"| `{kind.name}` | {kind.subject.help} | {_keys(kind.keys)} | {kind.warning} | {kind.critical} |"
        for kind in kinds
    ]
    return "\n".join(["| kind | value | more keys | warning | critical |", "|---|---|---|---|---|", *rows])


def cause_table(causes: Iterable[Cause]) -> str:
    rows = [f"| {one.name} | {one.kind} | {one.sign} | {one.helps} | {one.advice} |" for one in causes]
    return "\n".join(["| cause | kind | sign | what helps now | advice |", "|---|---|---|---|---|", *rows])


def _keys(keys: Iterable[Key]) -> str:
    return "; ".join(f"`{key.name}`: {key.help}" for key in keys)


def filled(page: str, **tables: str) -> str:
    """The page with each table between its marks."""
    for name, table in tables.items():
        marks = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        page = re.sub(marks, lambda found, table=table: f"{found[1]}{table}\n{found[2]}", page, flags=re.DOTALL)
    return page


def pages() -> dict[Path, str]:
    """Each page, as it should be."""
    kinds = {"probes": probe_table(PROBES.values()), "checks": check_table(CHECKS.values())}
    return {
        PAGE: filled(PAGE.read_text(encoding="utf-8"), **kinds),
        CAUSES_PAGE: filled(CAUSES_PAGE.read_text(encoding="utf-8"), causes=cause_table(CAUSES.values())),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
