"""What an interpreter tells of its own inside: the table of offsets at the start of its runtime (3.13 and later).

What may move from build to build is taken from there. What the table says of frames, code and containers must be as the
headers have it; a process that differs is unknown, since nothing it does not tell of could be believed then.
"""

from __future__ import annotations

import struct
from dataclasses import fields, replace
from typing import Any

from watchdog.cpython.offsets import (
    BYTES_DATA,
    DICT_KEYS,
    DICT_VALUES,
    LIST_ITEMS,
    OBJECT_SIZE,
    OBJECT_TYPE,
    SET_MASK,
    SET_TABLE,
    TYPE_NAME,
    Offsets,
)
from watchdog.model.records import record

_COOKIE = b"xdebugpy"
DEBUG_SIZE = 760  # bytes of that table that are looked at

# One number after the other, as `_Py_DebugOffsets` of each version has them. Those that bear the name of a field of
# `Offsets` are taken or compared; "-" stands for what is not needed.
_OLD_FRAME = "frame_size frame_previous frame_code frame_instruction frame_locals frame_owner"
_OLD_CODE = "- code_filename code_name code_qualname code_line_table code_first_line - code_names code_kinds code_start"
_THREAD = "- - thread_next - thread_frame thread_ident thread_native - -"
_LAYOUTS = {
    "3.13": f"""- - runtime_interpreters
        - - interpreter_next interpreter_threads interpreter_gc interpreter_modules - - - - - - -
        {_THREAD} {_OLD_FRAME} {_OLD_CODE}""",
    "3.14": f"""- - runtime_interpreters
        interpreter_size - interpreter_next interpreter_threads - interpreter_gc interpreter_modules - - - - - - - - -
        {_THREAD} {_OLD_FRAME} frame_stacktop - {_OLD_CODE} -
        - object_type  - type_name - -  - tuple_items object_size  - list_items object_size
        - - set_table set_mask  - dict_keys dict_values  - -  - object_size -  - object_size bytes_data
        - - object_size text_ascii  - gc_collecting  - - generator_frame generator_state  - -  - - - - - -""",
}
_MAY_MOVE = frozenset(
    {
        "runtime_interpreters",
        "interpreter_size",
        "interpreter_next",
        "interpreter_threads",
        "interpreter_gc",
        "interpreter_modules",
        "thread_next",
        "thread_frame",
        "thread_ident",
        "thread_native",
    }
)
_ALIKE = {
    "object_type": OBJECT_TYPE,
    "object_size": OBJECT_SIZE,
    "type_name": TYPE_NAME,
    "list_items": LIST_ITEMS,
    "set_table": SET_TABLE,
    "set_mask": SET_MASK,
    "dict_keys": DICT_KEYS,
    "dict_values": DICT_VALUES,
    "bytes_data": BYTES_DATA,
}


@record(frozen=True)
class DebugTable:
    """An interpreter's own words; `told` has (name, number), a name more than once where several must be the same."""

    version: str  # "3.14"
    free_threaded: bool
    told: tuple[tuple[str, int], ...]


def parse_debug_table(data: bytes) -> DebugTable | None:
    """The table at the start of the runtime; None if there is none (before 3.13), or one of a shape not known here."""
    if len(data) < DEBUG_SIZE or not data.startswith(_COOKIE):
        return None
    number, free_threaded, *words = struct.unpack_from(f"<{DEBUG_SIZE // 8 - 1}Q", data, 8)
    version = f"{number >> 24 & 255}.{number >> 16 & 255}"
    if version not in _LAYOUTS:
        return None
    told = tuple((name, word) for name, word in zip(_LAYOUTS[version].split(), words, strict=False) if name != "-")
    return DebugTable(version, bool(free_threaded), told)


def with_debug_table(known: Offsets, table: DebugTable) -> Offsets | None:
    """What is known of this version with the process's own numbers; None if it differs where it cannot tell by itself.

    The process tells nothing of tasks and locks; if frame and code objects are as we know them, so are those.
    """
    expected = {field.name: getattr(known, field.name) for field in fields(known)} | _ALIKE
    expected["frame_size"] = known.frame_locals + 8  # it ends with the first of its variables
    moved: dict[str, Any] = {}
    for name, number in table.told:
        if name in _MAY_MOVE:
            moved[name] = number
        elif name in expected and number != expected[name]:
            return None
    return replace(known, **moved)
