"""Real hosts and real servers with `wd sidecar` between them: the MCP Python SDK on both sides, a language server."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from bridges import WITHIN, all_gone, bridge, environment, home
from support import SERVERS, wait_for

BRIDGE = ("-m", "watchdog.cli.main", "sidecar", "--limit", "tools/call=5s", "--", sys.executable)


def test_a_session_of_the_mcp_sdk_outlives_its_server(folder: Path) -> None:
    pytest.importorskip("mcp")
    lives = folder / "lives"

    async def session() -> list[str]:
        from mcp import ClientSession, StdioServerParameters
        from mcp.client.stdio import stdio_client

        env = {**environment(home(folder)), "LIVES": str(lives)}
        server = StdioServerParameters(command=sys.executable, args=[*BRIDGE, str(SERVERS / "mcp_shop.py")], env=env)
        told: list[str] = []
        with (folder / "stderr").open("w") as errors:
            async with (
                stdio_client(server, errlog=errors) as (reading, writing),
                ClientSession(reading, writing) as one,
            ):
                await one.initialize()
                told.append(await price(one))
                for tool in ("die", "stuck"):
                    told.append(await failure(one, tool))
                    told.append(await price(one))
        return told

    async def price(one: Any) -> str:
        answer = await one.call_tool("price", {"item": "tea"})
        return str(answer.content[0].text)

    async def failure(one: Any, tool: str) -> str:
        with pytest.raises(Exception, match="the server") as caught:
            await one.call_tool(tool, {})
        return str(caught.value)

    told = asyncio.run(asyncio.wait_for(session(), 2 * WITHIN))
    assert [told[0], told[2], told[4]] == ["tea: 3"] * 3
    assert "ended with code 3" in told[1]
    assert "has not answered tools/call" in told[3]
    pids = [int(word) for word in lives.read_text().split()]
    assert len(pids) == 3
    all_gone(pids)


def test_a_language_server_goes_on_after_its_death_with_the_documents_that_were_open(folder: Path) -> None:
    pytest.importorskip("pylsp")
    uri = (folder / "shop.py").as_uri()
    with bridge(
        folder, sys.executable, "-m", "pylsp", options=("--replay", "textDocument/didOpen"), headers=True
    ) as host:
        host.request("initialize", processId=os.getpid(), rootUri=folder.as_uri(), capabilities={})
        host.send(method="initialized", params={})
        text = {"uri": uri, "languageId": "python", "version": 1, "text": "def price(item):\n    return item\n\npric"}
        host.send(method="textDocument/didOpen", params={"textDocument": text})
        assert "price" in completions(host, uri)
        os.kill(language_server(host), 9)
        wait_for(lambda: "restart 1 of 3" in host.said(), "the bridge says that it starts the server again")
        assert "price" in completions(host, uri)
        assert answered(host, host.ask("shutdown")) == {"result": None}
        host.send(method="exit")
        assert host.process.wait(WITHIN) == 0


def completions(host: Any, uri: str) -> str:
    number = host.ask("textDocument/completion", textDocument={"uri": uri}, position={"line": 3, "character": 4})
    return json.dumps(answered(host, number))


def answered(host: Any, number: int) -> dict[str, Any]:
    """The answer; what the server says by itself meanwhile is passed over."""
    while (found := host.take()).get("id") != number or "method" in found:
        pass
    return {"result": found.get("result")}


def language_server(host: Any) -> int:
    """The child of the keeper: the one below the bridge that runs pylsp."""
    for pid in host.tree():
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"pylsp" in words and b"sidecar" not in words:
            return pid
    raise AssertionError("no language server runs")
