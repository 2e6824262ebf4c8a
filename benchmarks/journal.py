"""A year on call: `wd status` and `wd incidents list` over a long journal.

    python benchmarks/journal.py [--rounds N] [--samples N] [--services N] [--incidents N] [--thin] [--json FILE]

The script builds the journal in a home of its own: the answers of a month, by service and in the order of time, with
one failure in 500, and incidents with a downtime. `--thin` then merges the old answers, as the loop does once an
hour. The peer is a Python that imports click: what any command costs before it does anything.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from side_by_side import ENVIRONMENT, WD, fixed, measure_in, options, show

from watchdog.journal.store import Journal
from watchdog.journal.tables import HOURS
from watchdog.model.incident import Trigger

_MONTH = 30 * 86400.0
_PLAYBOOK = """service: {name}
find: {{port: {port}}}
start: {{command: [python, -m, http.server, "{port}"]}}
probes:
  health: {{http: "http://127.0.0.1:{port}/", every: 10s}}
"""
_ANSWERS = """INSERT INTO samples
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count - 1)
SELECT :service, 'health', :begin + n * :step, CASE WHEN n % 500 = 7 THEN 'failed' ELSE 'ok' END, 0.01,
       CASE WHEN n % 500 = 7 THEN 'no answer' ELSE '200' END, 0.01, 's', 4711, 1 FROM numbers"""


def main() -> None:
    given = options(__doc__ or "", loads=(0,), more=_more)
    with tempfile.TemporaryDirectory(prefix="wd-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as place:
        home = Path(place)
        begun = time.monotonic()
        _build(home, given)
        size = sum(one.stat().st_size for one in (home / "logs").glob("journal.db*"))
        print(f"{given.samples:,} answers of {given.services} services and {given.incidents:,} incidents: ", end="")
        print(f"{size / 2**20:,.0f} MiB on the disk, built in {time.monotonic() - begun:.0f} s")
        peer = fixed("a Python with click", sys.executable, "-c", "import click")
        environment = {**ENVIRONMENT, "WD_HOME": place}
        outcomes = [
            measure_in(environment, f"wd {' '.join(words)}", [fixed(f"wd {words[0]}", WD, *words), peer], given.rounds)
            for words in (("status",), ("incidents", "list"))
        ]
    show(outcomes, given.json)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--services", type=int, default=20)
    parser.add_argument("--incidents", type=int, default=2000)
    parser.add_argument("--thin", action="store_true")


def _build(home: Path, given: argparse.Namespace) -> None:
    names = [f"shop{number:03}" for number in range(given.services)]
    (home / "playbooks").mkdir()
    (home / "logs").mkdir(mode=0o700)
    for place, name in enumerate(names):
        (home / "playbooks" / f"{name}.yaml").write_text(_PLAYBOOK.format(name=name, port=20000 + place))
    each, now = given.samples // given.services, time.time()
    with Journal.open(home / "logs") as journal:
        for number in range(given.incidents):
            name = names[number % len(names)]
            down = now - _MONTH * (1 - number / given.incidents)
            cause = Trigger("probe", "health failed 3 times", "wd watch")
            incident = journal.open_incident(name, "frozen-server", cause)
            journal.begin_step(incident.id, 1, "kill", "kill --grace 5s")
            journal.end_step(incident.id, 1, "ok", "1 ended", seconds=1.0)
            journal.close(incident.id, "recovered", cause="busy-loop", down_since=down, downtime=5.0)

        def fill(db: object) -> None:
            for name in names:
                words = {"service": name, "count": each, "begin": now - _MONTH, "step": _MONTH / each}
                db.execute(_ANSWERS, words)  # type: ignore[attr-defined]
            db.execute("DELETE FROM hours")  # type: ignore[attr-defined]
            db.execute(HOURS)  # type: ignore[attr-defined]

        journal._write(fill)  # ten million answers one by one would take an hour
        if given.thin:
            journal.thin()


if __name__ == "__main__":
    main()
