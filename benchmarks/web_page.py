"""How quick the page is with 500 services: python benchmarks/web_page.py [SERVICES]

It makes a home with a day of answers, starts `wd web`, and measures the whole page, an update, the page's memory and
its CPU while 20 pages are open; with Playwright and chromium also the first paint, and what an update takes there: from
the request until the last byte, and the longest time for which the page was busy. WD_LANGUAGE=ja asks in Japanese.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from watchdog.journal.store import Journal  # noqa: E402
from watchdog.model.probing import Sample  # noqa: E402

EVERY, DAY, PAGES = 10.0, 86400.0, 20
LANGUAGE = os.environ.get("WD_LANGUAGE", "en")
LOOK_AT_UPDATES = """() => {
    window.busy = [];
    new PerformanceObserver(list => window.busy.push(...list.getEntries().map(one => one.duration)))
        .observe({type: "longtask"});
    performance.clearResourceTimings();
}"""
UPDATES = """() => ({
    busy: Math.max(0, ...window.busy),
    took: performance.getEntriesByType("resource").filter(one => one.name.includes("/now/services"))
        .map(one => one.duration),
})"""


def make_home(folder: Path, count: int) -> None:
    for name in ("playbooks", "runbooks", "logs"):
        (folder / name).mkdir(mode=0o700)
    for number in range(count):
        text = {
            "service": f"service-{number:03}",
            "find": {"port": 20000 + number},
            "triggers": [{"on": "alert", "run": "dead-server"}],
            "probes": {"health": {"http": "/health", "every": "10s"}, "memory": {"memory": "1GB", "every": "1m"}},
        }
        path = folder / "playbooks" / f"{number:03}.yml"
        path.write_text(json.dumps(text))
        path.chmod(0o600)
    now, rng = time.time(), random.Random(1)
    with Journal.open(folder / "logs") as journal:
        for number in range(count):
            moments = [now - DAY + at * 60 for at in range(1380)] + [now - 3600 + at * EVERY for at in range(360)]
            answers = [answer(at, rng, number) for at in moments]
            used = [
                Sample("memory", at, "ok", 0.001, "48 MiB", 5e7 + rng.random() * 1e6, "B", 1000 + number)
                for at in moments[::6]
            ]
            journal.add_samples({f"service-{number:03}": [*answers, *used]})


def answer(at: float, rng: random.Random, number: int) -> Sample:
    failed = number < 3 and rng.random() < 0.3
    took = 0.003 + rng.random() / 100
    return Sample("health", at, "failed" if failed else "ok", took, "answers 503" if failed else "answers 200")


def get(port: int, path: str) -> tuple[float, int, str]:
    """(seconds, status, text)."""
    begun = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Host": "127.0.0.1", "Accept-Language": LANGUAGE})
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return time.perf_counter() - begun, reply.status, text


def write_answers(folder: Path, count: int, stop: threading.Event) -> None:
    """As the loop does: each service each 10 seconds, written down every 5."""
    rng = random.Random(2)
    with Journal.open(folder / "logs") as journal:
        while not stop.wait(5.0):
            half = rng.sample(range(count), count // 2)
            journal.add_samples({f"service-{number:03}": [answer(time.time(), rng, number)] for number in half})


def take_alerts(folder: Path, port: int, count: int = 20) -> list[float]:
    """Seconds until each of so many alerts, of a service each, is claimed and answered with 202."""
    words = [sys.executable, "-m", "watchdog.cli.main", "--home", str(folder), "web", "--add-token", "alertmanager"]
    subprocess.run(words, check=True, cwd=ROOT, capture_output=True)
    token = (folder / "logs" / "web-token-alertmanager").read_text().strip()
    headers = {"Host": "127.0.0.1", "Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    taken: list[float] = []
    for number in range(count):
        labels = {"alertname": "Down", "service": f"service-{number:03}"}
        one = {"status": "firing", "labels": labels, "startsAt": "2026-01-01T00:00:00Z", "fingerprint": f"{number:x}"}
        body = {"version": "4", "groupKey": "{}", "status": "firing", "receiver": "wd", "alerts": [one]}
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/v1/alerts", json.dumps(body), headers)
        reply = connection.getresponse()
        text = reply.read().decode()
        connection.close()
        taken.append(time.perf_counter() - begun)
        assert reply.status == 202, text
    return taken


def in_chromium(port: int) -> dict[str, Any]:
    """The first paint, the whole load and updates, in milliseconds; empty without Playwright or chromium."""
    chromium = shutil.which("chromium")
    with contextlib.suppress(ImportError):
        from playwright.sync_api import sync_playwright

        if chromium:
            with sync_playwright() as tool:
                browser = tool.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                page = browser.new_page(locale=LANGUAGE)
                page.goto(f"http://127.0.0.1:{port}/", wait_until="load")
                painted = "() => performance.getEntriesByName('first-contentful-paint').length > 0"
                page.wait_for_function(painted, timeout=20_000)
                found = page.evaluate(
                    "() => ({paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,"
                    " load: performance.timing.loadEventEnd - performance.timing.navigationStart})"
                )
                page.evaluate(LOOK_AT_UPDATES)
                page.wait_for_timeout(20_000)
                found |= page.evaluate(UPDATES)
                browser.close()
                return dict(found)
    return {}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as name:
        folder, stop = Path(name) / "home", threading.Event()
        folder.mkdir(mode=0o700)
        make_home(folder, count)
        words = [sys.executable, "-m", "watchdog.cli.main", "--home", str(folder), "web", "127.0.0.1:0"]
        server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            assert server.stderr is not None
            found = re.search(r":(\d+)\s*$", server.stderr.readline())
            assert found
            port = int(found[1])
            measure(folder, count, port, server.pid, stop)
        finally:
            stop.set()
            server.terminate()
            server.wait(20)


def measure(folder: Path, count: int, port: int, pid: int, stop: threading.Event) -> None:
    process = psutil.Process(pid)
    before = process.memory_info().rss
    cold, _status, text = get(port, "/")
    print(f"{count} services; the page is {len(text) / 1024:.0f} KiB")
    print(f"first look of all: {cold:.2f} s")
    warm = [get(port, "/")[0] for _ in range(10)]
    print(f"whole page: median {statistics.median(warm) * 1000:.0f} ms")
    alerts = take_alerts(folder, port)
    print(
        f"an alert is taken (202): median {statistics.median(alerts) * 1000:.0f} ms, most {max(alerts) * 1000:.0f} ms"
    )
    threading.Thread(target=write_answers, args=(folder, count, stop), daemon=True).start()
    if seen := in_chromium(port):
        print(f"chromium: first paint {seen['paint']:.0f} ms, loaded {seen['load']:.0f} ms")
        middle, most = statistics.median(seen["took"]), max(seen["took"])
        print(
            f"chromium: an update: median {middle:.0f} ms, most {most:.0f} ms; busy for {seen['busy']:.0f} ms at most"
        )
    taken: list[float] = []
    threads = [threading.Thread(target=poll, args=(port, taken, stop), daemon=True) for _ in range(PAGES)]
    for thread in threads:
        thread.start()
    process.cpu_percent()
    time.sleep(20)
    cpu = process.cpu_percent()
    stop.set()
    now = process.memory_info().rss
    middle, most = statistics.median(taken) * 1000, max(taken) * 1000
    print(f"an update, {PAGES} pages open: median {middle:.0f} ms, most {most:.0f} ms")
    print(f"the page's process: CPU {cpu:.0f} %; memory {now / 2**20:.0f} MiB, grown {(now - before) / 2**20:.0f} MiB")


def poll(port: int, taken: list[float], stop: threading.Event) -> None:
    seen = ""
    time.sleep(2.0 * random.random())  # people open their pages at different moments
    while not stop.wait(2.0):
        seconds, _status, text = get(port, f"/now/services?seen={seen}")
        taken.append(seconds)
        if found := re.search(r"seen=(\w+)", text):
            seen = found[1]


if __name__ == "__main__":
    main()
