"""Locks at known addresses of an interpreter whose inside is otherwise unknown."""

from __future__ import annotations

from watchdog.cpython.objects import plausible
from watchdog.cpython.offsets import OBJECT_TYPE, RLOCK_OWNER, TYPE_NAME
from watchdog.system.process.memory import Memory, Unmapped, Unreadable, open_memory


def read_states(pid: int, addresses: tuple[int, ...]) -> dict[int, tuple[str, int | None]]:
    """(name of the type, owner of a taken RLock) by address; what cannot be read is missing."""
    memory = open_memory(pid)
    if isinstance(memory, Unreadable):
        return {}
    found: dict[int, tuple[str, int | None]] = {}
    with memory:
        for address in addresses:
            try:
                found[address] = _state(memory, address)
            except Unmapped:
                continue
    return found


def _state(memory: Memory, address: int) -> tuple[str, int | None]:
    type_ = memory.word(address + OBJECT_TYPE) if plausible(address) else 0
    if not plausible(type_):
        raise Unmapped(f"no object at {address:#x}")
    name = memory.read(memory.word(type_ + TYPE_NAME), 64).partition(b"\0")[0].decode("ascii", "replace")
    return name, (memory.word(address + RLOCK_OWNER) or None) if name == "_thread.RLock" else None
