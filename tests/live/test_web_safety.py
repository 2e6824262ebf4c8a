"""Nobody who should not gets in, and nothing that a machine, a process or a log says is obeyed by a browser."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import Browser, Page, page_of
from support import free_port, wait_for
from watching import Home

from watchdog.model.incident import Trigger

BEHIND = ("--proxy", "127.0.0.1")
FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
SCRIPT = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


def add_user(home: Home, name: str, role: str, password: str = "correct horse battery") -> None:
    assert home.wd("web", "--add-user", name, "--role", role, stdin=f"{password}\n").code == 0


@contextlib.contextmanager
def guarded(home: Home) -> Iterator[Page]:
    """A page that wants a sign-in, as behind a proxy."""
    add_user(home, "kim", "act")
    add_user(home, "lee", "view")
    with page_of(home, "127.0.0.1:0", "--name", "oncall.example.org", *BEHIND) as page:
        yield page


def behind(page: Page) -> Browser:
    return Browser(page.port, host="oncall.example.org", headers=dict(FORWARDED))


def sign_in(browser: Browser, name: str = "kim", password: str = "correct horse battery") -> int:
    return browser.post("/sign-in", {"name": name, "password": password, "next": "/history"}).status


def incident(home: Home, service: str = "shop", **fields: str) -> str:
    with home.journal() as journal:
        found = journal.open_incident(service, "bring-back", Trigger("probe", fields.get("detail", "no answer")))
        journal.begin_step(found.id, 1, "kill", fields.get("text", "kill"))
        journal.end_step(found.id, 1, "ok", fields.get("message", "ended"))
        journal.close(found.id, "recovered", cause="busy-loop", request=fields.get("request", ""))
    return found.id


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "", "[::1]evil", "a b"])
def test_a_foreign_name_gets_nothing(home: Home, host: str) -> None:
    """So a page of a stranger whose name leads to this machine cannot read ours."""
    with page_of(home) as page:
        browser = Browser(page.port, headers={"Host": host})
        for path in ("/", "/history", "/healthz", "/static/page.js", "/v1/status"):
            reply = browser.get(path)
            assert reply.status in (400, 421)
            assert "service" not in reply.text


def test_a_tunnel_to_this_machine_may_have_any_port(home: Home) -> None:
    with page_of(home) as page:
        for host in ("localhost:9000", "127.0.0.1:9000", "[::1]:9000", "LOCALHOST"):
            assert Browser(page.port, host=host).get("/").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_cannot_post_in_a_persons_name(home: Home, headers: dict[str, str]) -> None:
    name = incident(home)
    home.service()
    with page_of(home) as page:
        browser = page.browser()
        key = browser.get(f"/incidents/{name}").form_key
        form = {"form_key": key, "fix": "by a stranger"}
        assert browser.post(f"/incidents/{name}/note", form, headers).status == 403
    assert home.wd("incidents", "show", name, "-o", "json").last["fix"] == ""


def test_a_form_of_another_browser_or_without_its_key_changes_nothing(home: Home) -> None:
    name = incident(home)
    with page_of(home) as page:
        mine, other = page.browser(), page.browser()
        key = other.get(f"/incidents/{name}").form_key
        mine.get("/")
        for form in ({"fix": "x"}, {"fix": "x", "form_key": ""}, {"fix": "x", "form_key": key}):
            assert mine.post(f"/incidents/{name}/note", form).status == 403
        fresh = page.browser()
        assert fresh.post(f"/incidents/{name}/note", {"fix": "x", "form_key": key}).status == 403
        assert other.ask("GET", f"/incidents/{name}/note?fix=x&form_key={key}").status in (404, 405)
    assert home.wd("incidents", "show", name, "-o", "json").last["fix"] == ""


def test_no_page_can_be_framed_or_run_a_script_that_is_not_its_own(home: Home) -> None:
    with page_of(home) as page:
        for path in ("/", "/history", "/nothing", "/sign-in", "/static/page.js", "/healthz"):
            headers = page.browser().get(path).headers
            policy = headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-frame-options"] == "DENY"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"


def test_what_machines_say_is_text(home: Home) -> None:
    """A script in a step, a log line, a request, a path, a runbook, the name of a service or of evidence."""
    home.runbook(
        "bring-back", f"---\nsummary: x\n---\n# {SCRIPT}\n[go](javascript:alert(1))\n```wd timeout=5s\nkill\n```\n"
    )
    shop = home.service()
    shop.playbook["probes"]["health"] = {"command": ["/bin/echo", SCRIPT], "every": "1s"}
    shop.write()
    name = incident(home, SCRIPT, text=SCRIPT, message=SCRIPT, request=f"GET /{SCRIPT}", detail=SCRIPT)
    paths = (f"/incidents/{name}", f"/incidents/{name}/body", "/", "/history", "/services/shop", f"/services/{SCRIPT}")
    with page_of(home) as page:
        for path in paths:
            text = page.browser().get(path.replace(" ", "%20").replace("<", "%3C").replace('"', "%22")).text
            assert "<script>alert" not in text, path
            assert "<img src=x" not in text, path
            assert 'href="javascript:' not in text, path


def test_only_the_own_user_comes_in_without_a_sign_in(home: Home) -> None:
    if os.geteuid():
        pytest.skip("needs root to be another user")
    curl = shutil.which("curl") or pytest.skip("needs curl")
    with page_of(home) as page:
        for path, answer in (("/", "401"), ("/history", "401"), ("/healthz", "200")):
            words = [curl, "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{page.port}{path}"]
            done = subprocess.run(words, capture_output=True, text=True, user=65534, timeout=60, cwd="/", check=False)
            assert done.stdout == answer, done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("0.0.0.0:0",), "nothing would be encrypted"),
        (("[::]:0",), "nothing would be encrypted"),
        (("0.0.0.0:0", "--tls-cert", "a.pem", "--tls-key", "b.pem"), "nobody could sign in"),
        (("127.0.0.1:0", "--proxy", "127.0.0.1"), "nobody could sign in"),
    ],
)
def test_an_address_that_others_can_reach_is_refused(home: Home, words: tuple[str, ...], why: str) -> None:
    done = home.wd("web", *words)
    assert done.code == 5
    assert why in done.err


@pytest.mark.parametrize(
    "words", [("nonsense",), ("127.0.0.1",), (":99999",), (":0", "--tls-cert", "a"), (":0", "--proxy-user", "X")]
)
def test_options_that_do_not_fit_are_invalid_usage(home: Home, words: tuple[str, ...]) -> None:
    assert home.wd("web", *words).code == 3


def test_an_address_that_is_taken_is_said(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = home.wd("web", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.code == 3
    assert "cannot be listened on" in done.err


def test_a_proxy_must_take_https_and_be_the_only_way(home: Home) -> None:
    with guarded(home) as page:
        plain = Browser(page.port, host="oncall.example.org")
        assert plain.get("/").status == 403
        assert behind(page).get("/").status == 303
    with page_of(home) as page:  # nobody said that there is a proxy
        assert Browser(page.port, headers={"X-Forwarded-For": "203.0.113.7"}).get("/").status == 403


def test_signing_in_opens_the_page_and_signing_out_closes_it(home: Home) -> None:
    name = incident(home)
    with guarded(home) as page:
        browser = behind(page)
        assert browser.get("/history").headers["location"] == "/sign-in?next=/history"
        reply = browser.post("/sign-in", {"name": "kim", "password": "correct horse battery", "next": "//evil.example"})
        assert (reply.status, reply.headers["location"]) == (303, "/")
        cookie = reply.headers["set-cookie"]
        assert cookie.startswith("__Host-wd=")
        assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"))
        assert browser.get("/history").status == 200
        key = browser.get(f"/incidents/{name}").form_key
        assert browser.post(f"/incidents/{name}/note", {"form_key": key, "fix": "done"}).status == 303
        old = browser.cookie
        assert browser.post("/sign-out", {"form_key": key}).status == 303
        browser.cookie = old
        assert browser.get("/history").status == 303


def test_whoever_may_view_cannot_act_and_whoever_is_removed_is_out_at_once(home: Home) -> None:
    name = incident(home)
    with guarded(home) as page:
        browser = behind(page)
        assert sign_in(browser, "lee") == 303
        shown = browser.get(f"/incidents/{name}")
        assert shown.status == 200
        assert "form_key" not in shown.text
        assert browser.post(f"/incidents/{name}/note", {"fix": "x"}).status == 403
        assert home.wd("web", "--remove-user", "lee").code == 0
        assert browser.get("/history").status == 303


def test_guessing_a_password_ends_after_five_tries(home: Home) -> None:
    with guarded(home) as page:
        browser = behind(page)
        answers = [sign_in(browser, "kim", f"wrong {number} wrong") for number in range(8)]
        assert answers == [401] * 5 + [429] * 3
        assert sign_in(browser) == 429, "also with the right one"


def test_the_users_are_kept_as_hashes_in_a_file_that_only_its_owner_reads(home: Home) -> None:
    add_user(home, "kim", "act")
    path = home.folder / "logs" / "web-users.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "correct horse" not in path.read_text()
    assert "scrypt$" in path.read_text()
    path.chmod(0o644)
    done = home.wd("web", "--add-user", "lee", "--role", "view", stdin="correct horse battery\n")
    assert done.code == 5
    assert "can be read by others" in done.err


def test_a_short_password_and_an_unknown_user_are_refused(home: Home) -> None:
    assert home.wd("web", "--add-user", "kim", stdin="short\n").code == 3
    assert home.wd("web", "--add-user", "a b", stdin="correct horse battery\n").code == 3
    assert home.wd("web", "--remove-user", "kim").code == 4


def test_three_hundred_slow_clients_hold_nobody_up(home: Home) -> None:
    with page_of(home) as page:
        before = page.browser()
        before.get("/")
        slow = []
        try:
            for number in range(300):
                one = socket.create_connection(("127.0.0.1", page.port), timeout=10)
                slow.append(one)
                one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" if number % 2 else b"")
            assert before.get("/").status == 200
            assert page.threads <= 20
            begun = slow[0]
            begun.settimeout(60)
            assert begun.recv(1) == b"", "it is hung up on"
            assert before.get("/").status == 200
        finally:
            for one in slow:
                one.close()


def test_more_clients_than_are_allowed_push_out_those_that_say_nothing(home: Home) -> None:
    with page_of(home) as page:
        idle = [socket.create_connection(("127.0.0.1", page.port), timeout=10) for _ in range(450)]
        try:
            wait_for(lambda: page.browser().get("/").status == 200, "a person gets through")
        finally:
            for one in idle:
                one.close()


def test_a_body_that_is_too_large_is_refused_before_it_is_read(home: Home) -> None:
    with page_of(home) as page:
        browser = page.browser()
        reply = browser.ask("POST", "/sign-in", b"a" * (1 << 20), {"Content-Type": "application/x-www-form-urlencoded"})
        assert reply.status == 413
        fields = "&".join(f"a{number}=1" for number in range(100))
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert browser.ask("POST", "/sign-in", fields, kind).status == 400


def test_without_the_extra_every_command_works_and_this_one_says_what_brings_it(home: Home, folder: Path) -> None:
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\nfor name in ('starlette', 'uvicorn', 'prometheus_client', 'anyio'): sys.modules[name] = None\n"
    )
    env = {"PYTHONPATH": f"{hidden}{os.pathsep}{Path(__file__).parents[2]}"}
    home.service()
    done = home.wd("web", "127.0.0.1:0", env=env)
    assert done.code == 3
    assert "wd-oncall[web]" in done.err
    assert home.wd("status", env=env).code == 3
    assert home.wd("explain", "shop", env=env).code == 0


def test_it_ends_at_once_when_it_is_asked_to(home: Home) -> None:
    with page_of(home) as page:
        begin = time.monotonic()
        page.end()
        assert page.process.returncode == 0
        assert time.monotonic() - begin < 20


def test_tls_is_served_with_the_files_that_are_named(home: Home) -> None:
    import ssl

    add_user(home, "kim", "act")
    pem = Path(__file__).parents[1] / "servers" / "tls.pem"
    port = free_port()
    words = (f"0.0.0.0:{port}", "--name", "localhost", "--tls-cert", str(pem), "--tls-key", str(pem))
    with page_of(home, *words), socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) as tls:
            tls.sendall(f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: tls.recv(65536), b""))
    assert b"303" in answer.partition(b"\r\n")[0]
    assert b"strict-transport-security" in answer
