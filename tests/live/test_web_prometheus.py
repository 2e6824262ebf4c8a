"""Debian's Prometheus and Alertmanager, with the files of docs/monitoring: a server hangs, they call, one run cures."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import ROOT
from pages import Page, page_of
from random_kills import seed
from support import alive, free_port, wait_for
from test_web_alerts import alerted, outcomes, token
from watching import Home

from watchdog.model.alert import Alert

FILES = ROOT / "docs" / "monitoring"
ROUNDS = int(os.environ.get("WD_OUTAGES", "2"))
VICTIMS = (("loop",), ("page",), ("loop", "page"))
STAGES = ("the hang", "the alert", "the run")  # wd is killed within a few seconds after one of them has begun
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
def test_a_hung_server_is_seen_called_about_and_cured_by_exactly_one_run(home: Home) -> None:
    with page_of(home) as page, programs(home, page.port) as alertmanager:
        outages = Outages(home, page, alertmanager, 0)
        outages.round(())
        assert outcomes(home) == ["recovered"]
        with home.journal() as journal:
            assert len(journal.alerts()) == 1


@pytest.mark.timeout(120 + 180 * ROUNDS)
def test_wd_killed_at_random_moments_leaves_one_server_and_one_run_for_each_outage(home: Home) -> None:
    with page_of(home) as page, programs(home, page.port) as alertmanager:
        outages = Outages(home, page, alertmanager, seed())
        for number in range(ROUNDS):
            outages.round(VICTIMS[number % len(VICTIMS)])
        print(outages.counts)


class Outages:
    """A service that hangs again and again, Alertmanager that calls, and somebody who kills wd meanwhile."""

    def __init__(self, home: Home, page: Page, alertmanager: str, chance: int) -> None:
        self.home, self.page, self.alertmanager = home, page, alertmanager
        self.random, self.counts = random.Random(chance), Counter[str]()
        self.shop = alerted(home)
        self.shop.playbook["policy"] |= {
            "give_up": {"restarts": 1000, "within": "1s"}, "backoff": {"first": "10ms", "max": "50ms"},
            "per_hour": 0, "per_hour_everywhere": 0,
        }  # fmt: skip
        self.shop.write()
        self.shop.start()
        self.loop = home.watch()

    def round(self, victims: tuple[str, ...]) -> None:
        """One outage until everybody knows that it is over."""
        before, starts, incidents = self.shop.pid(), len(self.shop.starts()), len(outcomes(self.home))
        stage, after = self.random.choice(STAGES), self.random.uniform(0.0, 3.0)
        alerts = len(self._alerts())
        self.shop.tell("hang")
        killer = threading.Thread(target=self._kill, args=(victims, stage, after, alerts, incidents))
        killer.start()
        wait_for(lambda: not alive(before), "the hung server is ended", 120)
        self.shop.tell("hang", None)
        killer.join()
        self._settle()
        runs = outcomes(self.home)[: len(outcomes(self.home)) - incidents]
        self.counts.update((f"{' and '.join(victims) or 'nobody'} after {stage}", *runs))
        print(f"{victims} {after:.1f} s after {stage}: server {before} -> {self.shop.pid()}, runs {runs}")
        assert len(self.shop.starts()) == starts + 1, "it was started again, and once"
        assert self.shop.living() == [self.shop.pid()], "one server"
        assert runs.count("recovered") + runs.count("interrupted") == len(runs), runs
        # A run that a kill cut off may have been finished by the shim, or is made again.
        assert runs.count("interrupted") <= victims.count("loop")
        assert runs == ["recovered"] or victims.count("loop"), runs
        assert runs.count("recovered") <= 1, runs

    def _alerts(self) -> tuple[Alert, ...]:
        with self.home.journal() as journal:
            return journal.alerts()

    def _kill(self, victims: tuple[str, ...], stage: str, after: float, alerts: int, incidents: int) -> None:
        if victims and stage == "the alert":
            wait_for(lambda: len(self._alerts()) > alerts, "the alert was taken", 90)
        if victims and stage == "the run":
            wait_for(lambda: len(outcomes(self.home)) > incidents, "a run has begun", 90)
        time.sleep(after)
        for one in victims:
            if one == "loop":
                # The whole group, or only the process that was started: its loop ends with it.
                self.random.choice((os.kill, os.killpg))(self.loop.process.pid, signal.SIGKILL)
                self.loop.process.wait(30)
            else:
                self.page.process.kill()
                self.page.process.wait(30)
        for one in victims:
            if one == "loop":
                self.loop = self.home.watch()
            else:
                self.page.again()

    def _settle(self) -> None:
        wait_for(lambda: bool(self.shop.pid()), "a server answers", 120)
        wait_for(lambda: "running" not in outcomes(self.home), "the run is over", 90)
        wait_for(lambda: "ServiceDown" not in firing(self.alertmanager), "it is resolved", 90)
        with self.home.journal() as journal:
            wait_for(lambda: bool(journal.alerts()), "the alert was taken", 60)
            wait_for(lambda: all(one.resolved for one in journal.alerts()), "wd was told that it is resolved", 120)
            wait_for(lambda: not journal.waiting_alerts(), "no alert waits", 60)


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
