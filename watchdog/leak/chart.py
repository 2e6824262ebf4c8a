"""A curve as text, for a terminal or a report."""

from __future__ import annotations

from collections.abc import Sequence

from watchdog.text.units import format_duration, format_size

_BLOCKS = " ▁▂▃▄▅▆▇█"


def chart(series: Sequence[tuple[float, float]], width: int = 60, height: int = 8) -> str:
    """(seconds, bytes) pairs as columns of blocks, with the sizes on the left and the time below; empty for none."""
    if not series:
        return ""
    begin, span = series[0][0], max(series[-1][0] - series[0][0], 1e-9)
    columns: list[list[float]] = [[] for _ in range(min(width, len(series)))]
    for at, value in series:
        columns[min(len(columns) - 1, int((at - begin) / span * len(columns)))].append(value)
    heights: list[float] = []
    for column in columns:  # an empty one goes on as the one before it
        heights.append(max(column) if column else heights[-1] if heights else series[0][1])
    low, high = min(heights), max(heights)
    # A flat curve must look flat: what is drawn is never less than a twentieth of the level.
    floor = low - max(0.0, high / 20 - (high - low)) if high - low < high / 20 else low
    scale = (height * 8 - 1) / (high - floor) if high > floor else 0.0
    eighths = [1 + round((value - floor) * scale) for value in heights]
    lines = []
    for row in reversed(range(height)):
        text = "".join(_BLOCKS[max(0, min(8, one - row * 8))] for one in eighths)
        label = format_size(high) if row == height - 1 else format_size(floor) if row == 0 else ""
        lines.append(f"{label:>10} |{text}")
    lines.append(f"{'':>10} +{'-' * len(heights)} {format_duration(span if len(series) > 1 else 0.0)}")
    return "\n".join(lines)
