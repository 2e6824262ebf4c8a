"""`wd web` as a child, and a browser without a screen: it keeps cookies and sends what it is told."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from homes import WD, Home


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def form_key(self) -> str:
        found = re.search(r'name="form_key" value="([^"]+)"', self.text)
        assert found, self.text
        return found[1]


@dataclass
class Browser:
    """One browser; `cookie` is what it was given."""

    port: int
    host: str = ""
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Host": self.host or f"127.0.0.1:{self.port}", **self.headers, **(headers or {})}
        if self.cookie:
            sent["Cookie"] = self.cookie
        try:
            connection.request(method, path, body or None, sent)
            reply = connection.getresponse()
            text = reply.read().decode("utf-8", "replace")
        finally:
            connection.close()
        if given := reply.getheader("set-cookie"):
            self.cookie = given.partition(";")[0]
        return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, text)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Reply:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(form), {**kind, **(headers or {})})


class Page:
    """The server."""

    def __init__(self, home: Home, words: tuple[str, ...], user: int | None = None) -> None:
        self.home, self._words = home, words
        self._begin()

    def again(self) -> None:
        """At the same address as before."""
        self._words = (f"127.0.0.1:{self.port}", *self._words[1:])
        self._begin()

    def _begin(self) -> None:
        self.log = self.home.folder / f"web-{time.monotonic_ns()}.txt"
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [*WD, "--home", str(self.home.folder), "web", *(self._words or ("127.0.0.1:0",))],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env=self.home.environment("web"),
            )
        self.port = self._port()

    def _port(self) -> int:
        end = time.monotonic() + 60
        while not (found := re.search(r"the page is at \w+://\S+:(\d+)", self.said)):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, f"it never said where it is:\n{self.said}"
            time.sleep(0.05)
        return int(found[1])

    @property
    def said(self) -> str:
        return self.log.read_text()

    def browser(self, **headers: str) -> Browser:
        return Browser(self.port, headers=headers)

    @property
    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(20)


@contextlib.contextmanager
def page_of(home: Home, *words: str) -> Iterator[Page]:
    """It is ended afterwards, and has said nothing of a defect."""
    page = Page(home, words)
    try:
        yield page
    finally:
        page.end()
        print(f"--- {page.log.name}\n{page.said}")
    assert "Traceback" not in page.said
    assert "a defect" not in page.said
