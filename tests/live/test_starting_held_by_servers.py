"""The lines of docs/held-sockets.md, each tried: the server takes the socket that the shim holds."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest
from support import wait_for
from watching import Home, Service

ASGI = """
import os
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"pid {os.getpid()}".encode()})
"""
WSGI = """
import os, socket
def app(environ, start_response):
    start_response("200 OK", [])
    return [f"pid {os.getpid()}".encode()]
if __name__ == "__main__":
    import waitress
    waitress.serve(app, sockets=[socket.socket(fileno=3)])
"""
LINES = {
    "uvicorn": ["-m", "uvicorn", "asgi:app", "--fd", "3"],
    "gunicorn": ["-m", "gunicorn", "wsgi:app", "--workers", "2"],
    "hypercorn": ["-m", "hypercorn", "asgi:app", "--bind", "fd://3"],
    "waitress": ["wsgi.py"],
}


def served_by(home: Home, name: str) -> Service:
    service = home.service("shop", "held.py")
    (service.folder / "asgi.py").write_text(ASGI)
    (service.folder / "wsgi.py").write_text(WSGI)
    service.playbook["start"] |= {"command": [sys.executable, *LINES[name]], "listen": f"127.0.0.1:{service.port}"}
    service.write()
    done = home.wd("start", "shop")
    assert done.code == 0, done.out + done.err
    return service


@pytest.mark.parametrize("name", LINES)
def test_the_server_takes_the_socket_comes_back_after_a_death_and_is_restarted_without_a_gap(
    home: Home, name: str
) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    service = served_by(home, name)
    first = service.pid()
    assert first
    tree = [int(line.split()[0]) for line in home.wd("find", "shop").out.splitlines() if line.split()[0].isdigit()]
    os.kill(tree[0] if tree else first, signal.SIGKILL)
    wait_for(lambda: service.pid() not in (0, first), "it is back")
    second = service.pid()
    done = home.wd("restart", "shop", "--yes")
    assert done.code == 0, done.out + done.err
    assert "beside" in done.out + done.err
    assert service.pid() not in (0, first, second)


def test_granian_opens_its_port_itself_so_a_held_one_is_named_as_the_reason(home: Home) -> None:
    if importlib.util.find_spec("granian") is None:
        pytest.skip("granian is not installed")
    service = home.service("shop", "held.py")
    (service.folder / "asgi.py").write_text(ASGI)
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(service.port), "asgi:app"]
    service.playbook["start"] |= {"command": command, "listen": f"127.0.0.1:{service.port}"}
    service.write()
    held = home.wd("start", "shop")
    assert held.code == 2
    assert "in use" in held.out + held.err
    del service.playbook["start"]["listen"]
    service.write()
    done = home.wd("start", "shop")
    assert done.code == 0, done.out + done.err
    first = service.pid()
    assert home.wd("restart", "shop", "--yes").code == 0
    assert service.pid() not in (0, first)
    assert home.wd("stop", "shop", "--yes").code == 0


def test_the_lines_stand_in_the_document() -> None:
    text = (Path(__file__).parents[2] / "docs" / "held-sockets.md").read_text()
    for words in LINES.values():
        assert (
            " ".join(words).removeprefix("-m ").replace("asgi:app", "shop:app").replace("wsgi:app", "shop:app") in text
        )
