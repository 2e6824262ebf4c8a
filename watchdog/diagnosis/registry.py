"""All rules: each file of `rules/` is one. Their order means nothing: `ranking` sorts what they find."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable

from watchdog.diagnosis import rules
from watchdog.diagnosis.view import View
from watchdog.model.finding import Finding

Rule = Callable[[View], Iterable[Finding]]

RULES: tuple[Rule, ...] = tuple(
    importlib.import_module(f"{rules.__name__}.{found.name}").rule for found in pkgutil.iter_modules(rules.__path__)
)
