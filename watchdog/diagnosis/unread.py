"""A stream of a child program that is made a pipe, and that nothing in the application reads. Pure."""

from __future__ import annotations

import ast

from watchdog.diagnosis import shape
from watchdog.diagnosis.suspects import FORKS
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame, SystemCall

_STREAMS = {1: "stdout", 2: "stderr"}  # by the descriptor that the child writes to
_READS_ALL = "communicate"


def unread_stream(view: View, written: SystemCall | None) -> Frame | None:
    """The line that makes this stream of the child a pipe, where nothing ever reads it."""
    name = _STREAMS.get(written.descriptor if written and written.descriptor is not None else -1)
    found: list[Frame] = []
    for source in view.own_sources if name else ():
        for node in ast.walk(shape.tree(source) or ast.Module([], [])):
            if isinstance(node, ast.Attribute) and node.attr in (name, _READS_ALL) and not _is_our_own(node):
                return None
            if isinstance(node, ast.Call) and shape.called_name(node) in FORKS:
                pipes = [one for one in node.keywords if one.arg == name and shape.simple_name(one.value) == "PIPE"]
                maker = shape.function_at(source, node.lineno)
                found += [Frame(getattr(maker, "name", "<module>"), source.path, one.value.lineno) for one in pipes]
    return found[0] if len(found) == 1 else None


def _is_our_own(node: ast.Attribute) -> bool:
    """`sys.stderr`: not that of a child."""
    return isinstance(node.value, ast.Name) and node.value.id == "sys"
