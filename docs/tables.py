"""Writes the tables of docs/playbooks.md from what each kind of probe and check says of itself.

python docs/tables.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from watchdog.checks.kind import CheckKind
from watchdog.checks.run import KINDS as CHECKS
from watchdog.model.kinds import Key
from watchdog.probes.kind import ProbeKind
from watchdog.probes.registry import KINDS as PROBES

PAGE = Path(__file__).with_name("playbooks.md")


def probe_table(kinds: Iterable[ProbeKind]) -> str:
    rows = [f"| `{kind.name}` | {kind.summary} | {kind.subject.help} | {_keys(kind.keys)} |" for kind in kinds]
    return "\n".join(["| kind | what it asks | value | more keys |", "|---|---|---|---|", *rows])


def check_table(kinds: Iterable[CheckKind]) -> str:
    rows = [
        f"| `{kind.name}` | {kind.subject.help} | {_keys(kind.keys)} | {kind.warning} | {kind.critical} |"
        for kind in kinds
    ]
    return "\n".join(["| kind | value | more keys | warning | critical |", "|---|---|---|---|---|", *rows])


def _keys(keys: Iterable[Key]) -> str:
    return "; ".join(f"`{key.name}`: {key.help}" for key in keys)


def filled(page: str, probes: Iterable[ProbeKind], checks: Iterable[CheckKind]) -> str:
    """The page with both tables between their marks."""
    for name, table in (("probes", probe_table(probes)), ("checks", check_table(checks))):
        marks = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        page = re.sub(marks, lambda found, table=table: f"{found[1]}{table}\n{found[2]}", page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), PROBES.values(), CHECKS.values()), encoding="utf-8")
