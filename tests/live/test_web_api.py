"""What other programs get: the contract's JSON, Prometheus' numbers, and never a 5xx for whatever they send."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pages import Page, page_of
from support import wait_for
from test_web_alerts import alert, caller
from test_web_pages import hung_incident
from watching import Home

REQUESTS = 5000
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "QUERY")
PATHS = (
    "/", "/now/services", "/now/services?seen=x", "/services/shop", "/services/%00", "/incidents/last",
    "/incidents/x/body", "/incidents/x/evidence/../../x", "/incidents/x/note", "/incidents/x/compare/%00",
    "/questions/x", "/yes/x/y",
    "/history", "/history?since=x&service=%ff&outcome=<b>", "/sign-in", "/sign-in?next=//evil", "/sign-out",
    "/v1/status", "/v1/incidents", "/v1/incidents?limit=-1", "/v1/incidents?limit=%F0%9F%98%80&since=1y",
    "/v1/incidents/%2e%2e", "/v1/alerts", "/v1/openapi.json", "/metrics", "/healthz", "/static/page.js",
    "/static/..%2f..%2fapi.py", "//evil/", "/%", "/%zz", "/?" + "a=b&" * 300, "/" + "x" * 5000, "/\u00e9", "*",
)  # fmt: skip
BODIES = (
    b"", b"{}", b"[]", b"null", b'"x"', b'{"alerts": {}}', b'{"alerts": [null]}', b'{"alerts": [[]]}', b"\xff\xfe\x00",
    b'{"alerts": [{"status": "firing", "labels": {"service": "shop"}, "startsAt": "9999-12-31T23:59:59.999999999Z"}]}',
    b'{"alerts": [{"status": "firing", "labels": {"service": "\\u0000"}, "startsAt": "0001-01-01T00:00:00Z"}]}',
    b'{"alerts": [{"status": "resolved", "labels": {}, "startsAt": "2026-01-01T00:00:00+23:59", "fingerprint": ""}]}',
    b'{"alerts": [{"status": "firing", "labels": {"service": "shop"}, "startsAt": "2026-01-01T00:00:00Z",'
    b' "annotations": {"summary": {"a": [1]}}, "fingerprint": "\\ud800"}]}',
    b"[" * 50_000, b'{"a":' * 50_000, b"name=kim&password=%ff", b"form_key=x&answer=yes", b"a=b&" * 100, b"9" * 5000,
    b'{"alerts": 1e999}', b"\x00" * 100,
)  # fmt: skip
COOKIES = ("", "own-x", "x" * 3000, "\u00e9", "=;=")
KINDS = ("application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "", "\u00e9")


def test_the_status_is_that_of_the_command_line(home: Home) -> None:
    shop = home.service()
    shop.start()
    home.watch()
    with page_of(home) as page:
        browser = caller(home, page)
        wait_for(lambda: browser.get("/v1/status").json["worst"] == "ok", "it is known", 30)
        told = browser.get("/v1/status").json["services"][0]
        row = home.wd("status", "-o", "json").rows[0]
    assert set(told) == set(row)
    assert (told["service"], told["state"], told["mode"]) == (row["service"], row["state"], row["mode"])


def test_the_incidents_are_those_of_the_command_line(home: Home) -> None:
    home.service()
    name = hung_incident(home)
    with page_of(home) as page:
        browser = caller(home, page)
        told = browser.get("/v1/incidents?service=shop&since=7d").json["incidents"]
        one = browser.get(f"/v1/incidents/{name}").json["incident"]
        wrong = browser.get("/v1/incidents?limit=none")
    assert told == home.wd("incidents", "list", "-o", "json").rows
    shown = home.wd("incidents", "show", name, "-o", "json").last
    assert {key: shown[key] for key in one} == one
    assert (wrong.status, wrong.json["outcome"]) == (400, "failed")


def test_prometheus_gets_the_numbers_of_the_file(home: Home) -> None:
    home.service().start()
    home.watch("--metrics", str(home.folder / "wd.prom"))
    with page_of(home) as page:
        browser = caller(home, page)
        wait_for(lambda: "wd_service_state" in browser.get("/metrics").text, "numbers", 60)
        text = browser.get("/metrics")
        open_metrics = browser.get("/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
    names = {line.partition("{")[0].partition(" ")[0] for line in text.text.splitlines() if not line.startswith("#")}
    file = (home.folder / "wd.prom").read_text()
    assert names == {line.partition("{")[0].partition(" ")[0] for line in file.splitlines() if line[0] != "#"} | {
        "wd_numbers_age_seconds"
    }
    assert 'wd_service_state{service="shop"} 0.0' in text.text
    assert text.headers["content-type"].startswith("text/plain")
    assert open_metrics.text.endswith("# EOF\n")


def test_without_a_loop_there_are_no_numbers_and_no_error(home: Home) -> None:
    home.service()
    with page_of(home) as page:
        reply = caller(home, page).get("/metrics")
    assert (reply.status, reply.text) == (200, "")


def fuzz(page: Page, seed: int, count: int, token: str) -> list[int]:
    """The statuses; 0 where the connection was closed without an answer."""
    rng, found = random.Random(seed), []
    for _ in range(count):
        body = rng.choice(BODIES) if rng.random() < 0.7 else rng.randbytes(rng.randrange(200))
        lines = [
            f"{rng.choice(METHODS)} {rng.choice(PATHS)} HTTP/{rng.choice(('1.1', '1.1', '1.1', '1.0', '2.0', 'x'))}",
            f"Host: {rng.choice(('127.0.0.1', '127.0.0.1', '127.0.0.1', 'evil', ''))}",
            f"Content-Length: {len(body) if rng.random() < 0.9 else rng.choice((-1, 0, 1, 10**20, 'x'))}",
            f"Content-Type: {rng.choice(KINDS)}",
            "Connection: close",
        ]
        if rng.random() < 0.5:
            lines.append(f"Authorization: Bearer {token}")
        if rng.random() < 0.3:
            lines.append(f"Cookie: wd={rng.choice(COOKIES)}")
        if rng.random() < 0.1:
            lines.append(rng.choice(("Transfer-Encoding: chunked", "Expect: 100-continue", "Origin: x", "X: \x01")))
        found.append(one_request(page.port, "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body))
    return found


def one_request(port: int, data: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            answer = sock.recv(65536)
            while b"\r\n" not in answer and (more := sock.recv(65536)):
                answer += more
        except OSError:
            return 0
    first = answer.split(b" ", 2)
    return int(first[1]) if len(first) > 2 and first[1].isdigit() else 0


@pytest.mark.timeout(400)
def test_whatever_is_sent_is_never_a_5xx_nor_a_traceback(home: Home) -> None:
    shop = home.service()
    shop.playbook["triggers"] = [{"on": "alert", "run": "bring-back"}]
    shop.write()
    with page_of(home) as page:  # it also looks for tracebacks
        browser = caller(home, page)
        token = browser.headers["Authorization"].removeprefix("Bearer ")
        statuses = fuzz(page, 1, REQUESTS, token)
        assert browser.get("/v1/status").status == 200
    assert len(statuses) == REQUESTS
    assert not [one for one in statuses if one >= 500]
    assert {200, 400, 403, 404, 405, 421} <= set(statuses)
    assert "running" not in [one["outcome"] for one in home.incidents()]


@pytest.mark.timeout(400)
def test_the_document_and_the_server_agree(home: Home) -> None:
    tool = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if tool is None:
        pytest.skip("schemathesis is not installed")
    shop = home.service()
    shop.playbook["triggers"] = [{"on": "alert", "run": "bring-back"}]
    shop.write()
    hung_incident(home)
    with page_of(home) as page:
        browser = caller(home, page)
        document = home.folder / "openapi.json"
        document.write_text(json.dumps(browser.get("/v1/openapi.json").json))
        words = [
            tool, "run", str(document), "--url", f"http://127.0.0.1:{page.port}", "--max-examples", "40",
            "-H", f"Authorization: {browser.headers['Authorization']}", "--phases", "examples,coverage,fuzzing",
            "--checks", "not_a_server_error,response_schema_conformance,content_type_conformance", "--seed", "1",
        ]  # fmt: skip
        done = subprocess.run(words, capture_output=True, text=True, timeout=350, check=False, cwd=home.folder)
        assert browser.ask("POST", "/v1/alerts", json.dumps({"alerts": [alert()]})).status == 202
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
