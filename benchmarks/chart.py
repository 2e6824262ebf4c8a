"""How the time of a command grows with the processes of the machine, as a picture.

python benchmarks/kill.py --processes 0 1000 3000 --json kill.json
python benchmarks/chart.py kill.json docs/performance.svg [wall_ms|cpu_ms]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 360, 60, 150, 40, 40
_COLOURS = ("#c0392b", "#2c3e50", "#2980b9", "#27ae60", "#8e44ad", "#7f8c8d")

Point = tuple[float, float]


def lines(outcomes: Sequence[Mapping[str, Any]], measure: str) -> dict[str, list[Point]]:
    """The points of each program: (processes more, milliseconds)."""
    found: dict[str, list[Point]] = {}
    for outcome in outcomes:
        for row in outcome["rows"]:
            found.setdefault(row["name"], []).append((outcome["processes"], row[measure]))
    return found


def picture(title: str, found: Mapping[str, Sequence[Point]]) -> str:
    """An SVG that needs nothing but itself."""
    most_x = max(x for points in found.values() for x, _ in points) or 1
    most_y = max(y for points in found.values() for _, y in points) or 1

    def place(x: float, y: float) -> Point:
        across, up = x / most_x * (_WIDTH - _LEFT - _RIGHT), y / most_y * (_HEIGHT - _TOP - _BOTTOM)
        return round(_LEFT + across, 1), round(_HEIGHT - _BOTTOM - up, 1)

    parts = [_text(_LEFT, 22, title, "#222", 15)]
    for step in range(5):
        y = most_y * step / 4
        (x1, height), (x2, _) = place(0, y), place(most_x, y)
        parts.append(f'<line x1="{x1}" y1="{height}" x2="{x2}" y2="{height}" stroke="#ddd"/>')
        parts.append(_text(8, height + 4, f"{y:.0f} ms"))
    for x in sorted({x for points in found.values() for x, _ in points}):
        parts.append(_text(place(x, 0)[0] - 12, _HEIGHT - 14, f"{x:,.0f}"))
    names = sorted(found, key=lambda name: -found[name][-1][1])
    for row, name in enumerate(names):
        colour = _COLOURS[list(found).index(name) % len(_COLOURS)]
        points = " ".join(f"{x},{y}" for x, y in (place(*point) for point in found[name]))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(_WIDTH - _RIGHT + 12, _TOP + 12 + 20 * row, name, colour))
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>\n{inside}\n</svg>\n'
    )


def _text(x: float, y: float, words: str, colour: str = "#555", size: int = 12) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}">{escape(words)}</text>'


def main() -> None:
    source, target, measure = Path(sys.argv[1]), Path(sys.argv[2]), [*sys.argv, "wall_ms"][3]
    outcomes = json.loads(source.read_text())
    kind = "CPU time" if measure == "cpu_ms" else "time"
    target.write_text(picture(f"{kind} by further processes: {outcomes[0]['question']}", lines(outcomes, measure)))


if __name__ == "__main__":
    main()
