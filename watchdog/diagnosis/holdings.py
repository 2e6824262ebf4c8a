"""What keeps the memory: containers of the application that grow, or hold something huge, and the line that fills them."""

from __future__ import annotations

from dataclasses import dataclass

from watchdog.diagnosis.view import View
from watchdog.model.finding import Culprit


@dataclass(frozen=True, slots=True)
class Holding:
    """One variable of the application."""

    words: str
    size: int  # bytes or, of a growing container, entries
    culprit: Culprit | None


def growing(view: View) -> Holding | None:
    return None


def huge(view: View) -> Holding | None:
    return None
