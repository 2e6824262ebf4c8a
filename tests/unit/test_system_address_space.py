"""What is cached of another process's memory has a bound, whole pieces and single pages together."""

from __future__ import annotations

import pytest

from watchdog.system.process import address_space
from watchdog.system.process.address_space import CHUNK, PAGE, Memory


def pages_only(size: int, address: int) -> bytes:
    """A target of which whole pieces can never be read: each has a hole."""
    if size > PAGE:
        raise OSError
    return bytes(size)


@pytest.mark.parametrize("read_at", [lambda size, address: bytes(size), pages_only])
def test_a_memory_of_any_size_is_cached_up_to_the_bound(read_at: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_space, "_KEPT", 8)
    memory = Memory(1, read_at, lambda: None)  # type: ignore[arg-type]
    for page in range(4000):
        memory.read(page * PAGE, 64)
        held = sum(map(len, memory._chunks.values())) + sum(map(len, memory._pages.values()))
        assert held <= 10 * CHUNK
