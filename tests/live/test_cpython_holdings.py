"""What a live program keeps and what it was asked, read from its memory."""

from __future__ import annotations

import socket
import sys

import pytest
from interpreters import NEEDS_RIGHT, interpreters, script
from support import SERVERS, running, wait_for

from watchdog.evidence.tasks import read_tasks
from watchdog.model.evidence import Container

pytestmark = NEEDS_RIGHT
EACH = pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())


def kept(pid: int) -> dict[str, Container]:
    look = read_tasks(pid, 0.0, 20.0)
    assert look.error is None
    return {container.path: container for container in look.containers}


@EACH
def test_large_containers_are_named_by_the_variable_that_leads_to_them(python: str) -> None:
    with script(python, "keeping.py") as (process, _):
        found = kept(process.pid)
        lengths = {path: (one.kind, one.length) for path, one in found.items()}
        assert lengths["__main__.EVENTS"] == ("list", 3000)
        assert lengths["__main__.registry.seen"] == ("set", 500)
        assert lengths["__main__.registry.recent"] == ("collections.deque", 300)
        assert lengths["__main__.registry.table['inner']"] == ("list", 400)
        assert lengths["__main__.Registry.shared"] == ("dict", 200)
        assert lengths["rows in build_export"] == ("list", 700)
        assert lengths["__main__.Metrics().series"] == ("dict", 600)
        assert "__main__.SMALL" not in found


@EACH
def test_what_functions_keep_between_their_calls_is_named_by_their_variables(python: str) -> None:
    with script(python, "keeping.py") as (process, _):
        look = read_tasks(process.pid, 0.0, 20.0)
        lengths = {container.path: container.length for container in look.containers}
        told = {path: lengths.get(path) for path in ("counted in make_counter.<locals>.count", "parts in render")}
        known = look.version != "3.10"  # which does not say which of its variables is which
        assert list(told.values()) == ([800, 900] if known else [None, None]), told


@EACH
def test_sizes_are_near_the_truth_and_the_largest_comes_first(python: str) -> None:
    with script(python, "keeping.py") as (process, _):
        found = kept(process.pid)
        assert 3_000_000 <= found["__main__.EVENTS"].size <= 3_400_000
        assert 5_000_000 <= found["__main__.EXPORT['all']"].size <= 5_100_000
        assert next(iter(found)).startswith("__main__.EXPORT")
        assert found["__main__.EVENTS"].file.endswith("keeping.py")


@pytest.mark.parametrize("kind", ["handler", "wsgi"])
def test_the_request_that_a_thread_is_stuck_in_is_told(kind: str) -> None:
    with (
        running(str(SERVERS / "asked.py"), kind, "{port}") as server,
        socket.create_connection(("127.0.0.1", server.port)) as client,
    ):
        client.sendall(b"GET /orders/7?full=1 HTTP/1.1\r\nHost: here\r\n\r\n")

        def asked() -> list[str]:
            return [text for _, text in read_tasks(server.pid, 0.0, 20.0).requests]

        wait_for(lambda: asked() == ["GET /orders/7?full=1"], "the request is seen")


def test_the_request_of_a_suspended_task_is_told() -> None:
    with script(sys.executable, "asked.py", "asgi", "0") as (process, _):
        wait_for(
            lambda: (
                {task.request for task in read_tasks(process.pid).tasks if task.name == "request"}
                == {"GET /orders/7?full=1"}
            ),
            "the request is seen",
        )
