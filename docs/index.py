"""Writes docs/decisions/README.md, the index of the decisions, from their titles.

python docs/index.py
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("decisions")


def index(folder: Path) -> str:
    rows = []
    for path in sorted(folder.glob("[0-9]*.md")):
        number, _, title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(" ")
        rows.append(f"- [{number}]({path.name}) {title}")
    return "\n".join(["# Decisions", "", "One page for each choice that a reader may question.", "", *rows]) + "\n"


if __name__ == "__main__":
    (FOLDER / "README.md").write_text(index(FOLDER), encoding="utf-8")
