"""The page of all hosts in a real browser: on every screen, in both languages."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import watching
from databases import needs_postgres
from pages import page_of
from test_store import change, empty, server, where
from test_web_browser import LOOKS, Screen, chromium, pytestmark

__all__ = ["chromium", "empty", "pytestmark", "server", "where"]  # fixtures and marks


@needs_postgres
def test_the_page_of_all_hosts_can_be_read_by_everybody_on_every_screen(
    folder: Path, where: str, chromium: Any
) -> None:
    change(where, "INSERT INTO loops VALUES ('x:/logs', 'x', now() - interval '10 minutes', '[]')")
    begun = f"'night', 'web1', {time.time()}, 'unreachable', 'no answer in 10 s'"
    change(where, f"INSERT INTO host_runs (run, host, begun, stage, text) VALUES ({begun})")
    kept = f"'x', 'i', {time.time()}, 'shop', '{{}}', 'web1', 'frozen-server', 'recovered', 'lock-deadlock'"
    columns = "node, id, opened, service, record, host, runbook, outcome, cause"
    change(where, f"INSERT INTO incidents ({columns}) VALUES ({kept})")
    with watching.home_in(folder) as home:
        (folder / "store.yml").write_text(f"store: {where}\n")
        with page_of(home) as page:
            found = []
            for look in LOOKS:
                screen = Screen(chromium, page, look)
                screen.open("/fleet")
                screen.shows("到達不能" if look == "japanese" else "unreachable")
                screen.shows("連絡がない" if look == "japanese" else "not heard for")
                assert screen.is_narrow_enough(), look
                screen.picture("fleet", look, home)
                found += [f"{look}: {one}" for one in screen.serious()]
                screen.ends_well()
            assert not found, "\n".join(found)
