"""Numbers of threads in a container and outside of it: the same thread has one in each pid namespace."""

from __future__ import annotations

from pathlib import Path


def thread_numbers(pid: int) -> dict[int, int]:
    """Ours by the process's own, for each of its threads; empty where both are the same namespace."""
    try:
        if Path(f"/proc/{pid}/ns/pid").readlink() == Path("/proc/self/ns/pid").readlink():
            return {}
        threads = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return {}
    found: dict[int, int] = {}
    for tid in threads:
        try:
            status = Path(f"/proc/{pid}/task/{tid}/status").read_text()
        except OSError:
            continue
        line = next((line for line in status.splitlines() if line.startswith("NSpid:")), "")
        if numbers := line.split()[1:]:
            found[int(numbers[-1])] = tid
    return found
