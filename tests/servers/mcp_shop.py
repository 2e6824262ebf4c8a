"""An MCP server by the Python SDK. `stuck` takes a lock twice, `die` ends the process."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from mcp.server.mcpserver import MCPServer

server = MCPServer("shop")
lock = threading.Lock()
with Path(os.environ["LIVES"]).open("a", encoding="ascii") as file:
    file.write(f"{os.getpid()}\n")


@server.tool()
async def price(item: str) -> str:
    """What an item costs."""
    return f"{item}: {len(item)}"


@server.tool()
async def stuck() -> str:
    """The event loop stands still."""
    lock.acquire()
    lock.acquire()
    return "never"


@server.tool()
async def die() -> str:
    """No answer, and no server."""
    os._exit(3)


if __name__ == "__main__":
    server.run("stdio")
