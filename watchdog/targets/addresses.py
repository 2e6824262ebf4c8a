"""Where a server is asked whether it answers: one list for every command.

The page of its playbook, where there is one. Else the root page, and the usual health pages while the answer is "no
such page": a server that hangs may still say that much.
"""

from __future__ import annotations

PATHS = ("/", "/health", "/api/health", "/healthz")
NO_PAGE = 404


def base(port: int, address: str = "", scheme: str = "http") -> str:
    """The address of a listener as this machine reaches it, without a path."""
    return f"{scheme}://{loopback(address)}:{port}"


def loopback(address: str) -> str:
    """Where to ask for a listener of that address, as it stands in a URL."""
    if address in ("0.0.0.0", ""):
        return "127.0.0.1"
    if address == "::":
        return "[::1]"
    return f"[{address}]" if ":" in address else address
