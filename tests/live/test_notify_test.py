"""`wd notify --test` sends one message through every channel and prints one line a channel, without its secrets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from homes import Shop, shop_in
from support import free_port

from watchdog.system.host import messages

pytestmark = pytest.mark.live
needs_apprise = pytest.mark.skipif(not messages.can_send(), reason="Apprise is not installed (the extra `notify`)")


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[tuple[int, list[dict]]]:
    """A receiver of messages over HTTP: its port, and what came in."""
    got: list[dict] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], got
    server.shutdown()
    server.server_close()


@needs_apprise
def test_a_test_message_arrives_and_the_line_shows_no_password(shop: Shop, receiver: tuple[int, list[dict]]) -> None:
    port, got = receiver
    shop.playbook(more=f"notify: ['json://kim:hunter2XyZ@127.0.0.1:{port}/']\n")
    done = shop.wd("notify", "--test", "shop")
    assert done.code == 0, done.out + done.err
    assert [one["title"] for one in got] == ["wd: test of shop"] and "Nothing is wrong" in got[0]["message"]
    lines = done.out.splitlines()
    assert len(lines) == 2 and lines[0].startswith("ok      shop  json://") and lines[1].endswith("1 of 1 channel")
    assert "hunter2XyZ" not in done.out + done.err


@needs_apprise
def test_a_channel_that_does_not_answer_is_one_line_and_the_others_still_get_it(
    shop: Shop, receiver: tuple[int, list[dict]]
) -> None:
    port, got = receiver
    shop.playbook(more=f"notify: ['json://127.0.0.1:{free_port()}/', 'json://127.0.0.1:{port}/']\n")
    done = shop.wd("notify", "--test", "-o", "json")
    assert done.code == 1 and len(got) == 1
    assert [row["ok"] for row in done.rows] == [False, True] and done.last["failed"] == 1


def test_without_channels_it_says_what_to_add(shop: Shop) -> None:
    done = shop.wd("notify", "--test")
    assert done.code == 4 and "notify: [" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [(("it is back",), "wd notify --service NAME TEXT"), (("--test", "shp"), "shop"), (("--service", "shop"), "TEXT")],
)
def test_what_is_missing_is_said_with_what_to_type(shop: Shop, words: tuple[str, ...], told: str) -> None:
    done = shop.wd("notify", *words)
    assert done.code == 3 and told in done.err
