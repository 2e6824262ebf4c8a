"""Debian's Prometheus and Alertmanager, with the files of docs/monitoring: a server hangs, they call, one run cures."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import ROOT
from pages import page_of
from support import alive, free_port, wait_for
from test_web_alerts import alerted, outcomes, token
from watching import Home

FILES = ROOT / "docs" / "monitoring"
PROMETHEUS, ALERTMANAGER = shutil.which("prometheus"), shutil.which("prometheus-alertmanager")
pytestmark = pytest.mark.skipif(
    not (PROMETHEUS and ALERTMANAGER), reason="needs Debian's prometheus and prometheus-alertmanager"
)


@contextlib.contextmanager
def programs(home: Home, page: int) -> Iterator[str]:
    """Both of them, quick; gives the address of Alertmanager."""
    folder = home.folder / "monitoring"
    folder.mkdir()
    (folder / "token").write_text(token(home))
    ports = {"prometheus": free_port(), "alertmanager": free_port()}
    for path in FILES.glob("*.yml"):
        text = path.read_text().replace("/etc/prometheus/wd-token", str(folder / "token"))
        text = text.replace("127.0.0.1:8321", f"127.0.0.1:{page}").replace("9093", str(ports["alertmanager"]))
        text = text.replace("15s", "1s").replace("group_wait: 5s", "group_wait: 0s")
        text = text.replace("group_interval: 30s", "group_interval: 1s").replace("4h", "2s")
        (folder / path.name).write_text(text)
    commands = (
        [ALERTMANAGER, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/a",
         f"--web.listen-address=127.0.0.1:{ports['alertmanager']}", "--cluster.listen-address="],
        [PROMETHEUS, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/p",
         f"--web.listen-address=127.0.0.1:{ports['prometheus']}"],
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        for number, words in enumerate(commands):
            log = stack.enter_context((folder / f"{number}.log").open("w"))
            process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder, start_new_session=True)  # type: ignore[arg-type]
            stack.callback(process.wait, 30)
            stack.callback(process.send_signal, signal.SIGKILL)
        yield f"http://127.0.0.1:{ports['alertmanager']}"


def firing(address: str) -> list[str]:
    try:
        with urllib.request.urlopen(f"{address}/api/v2/alerts?active=true", timeout=5) as reply:
            return [one["labels"]["alertname"] for one in json.load(reply)]
    except OSError:
        return []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("killed", [False, True], ids=["quietly", "with wd killed in between"])
def test_a_hung_server_is_seen_called_about_and_cured_by_exactly_one_run(home: Home, killed: bool) -> None:
    shop = alerted(home)
    before = shop.start()
    daemon = home.watch()
    with page_of(home) as page, programs(home, page.port) as alertmanager:
        shop.tell("hang")
        wait_for(lambda: "ServiceDown" in firing(alertmanager), "the alert fires", 90)
        with home.journal() as journal:
            wait_for(lambda: bool(journal.alerts()), "the alert was taken", 60)
        if killed:
            time.sleep(random.uniform(0, 3))  # at any moment of the run
            daemon.process.kill()
            daemon.process.wait(30)
            home.watch()
        wait_for(lambda: not alive(before), "the hung server is ended", 90)
        shop.tell("hang", None)
        wait_for(lambda: "running" not in outcomes(home) and bool(shop.pid()), "the run is over", 90)
        wait_for(lambda: "ServiceDown" not in firing(alertmanager), "it is resolved", 90)
        with home.journal() as journal:
            wait_for(lambda: all(one.resolved for one in journal.alerts()), "wd was told so", 60)
            alerts = journal.alerts()
    assert len(shop.starts()) == 2, "it was started again, and once"
    assert outcomes(home) == ["recovered"] or killed
    assert len(alerts) == 1
    assert alerts[0].deliveries >= 1


def test_the_files_in_the_documents_are_understood() -> None:
    if checker := shutil.which("promtool"):
        done = subprocess.run([checker, "check", "rules", str(FILES / "rules.yml")], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    dashboard = json.loads((FILES / "grafana-dashboard.json").read_text())
    from watchdog.watch import metrics

    shown = " ".join(one["targets"][0]["expr"] for one in dashboard["panels"])
    assert {"wd_service_state", "wd_probe_seconds", "wd_runs_total"} <= set(metrics._HELP)
    for name in ("wd_service_state", "wd_probe_seconds", "wd_probe_value", "wd_runs_total", "wd_service_given_up"):
        assert name in shown
    assert Path(FILES / "alertmanager.yml").is_file()
