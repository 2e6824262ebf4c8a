"""Cron, the loop and people at once on one server: one acts, and the others say who does."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from support import alive, wait_for
from watching import WD, Home

# Whoever comes first waits in its first step until the others have seen that they are not.
RUNBOOK = """---
summary: For tests, waits for a word, then ends it, starts it, proves it.
---
# Bring back
```wd timeout=300s on-fail=stop
exec --timeout 300s -- /bin/sh -c "until [ -e {word} ]; do sleep 0.1; done"
```
```wd timeout=60s on-fail=stop
kill --grace 2s
start
verify --healthy 1 --within 30s
```
"""
ROUNDS = 2
pytestmark = pytest.mark.timeout(600)  # many waits, each of them long enough for a busy machine


class Person:
    """One command of wd under way, with what it says in a file."""

    def __init__(self, home: Home, number: int, *words: str) -> None:
        self.log = home.folder / f"person-{number}.txt"
        with self.log.open("w") as out:
            argv = [*WD, "--home", str(home.folder), *words]
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        home.daemons.append(self.process)  # type: ignore[arg-type]

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None


def test_of_a_loop_a_tick_and_four_people_one_acts_and_the_others_say_who(home: Home) -> None:
    word = home.folder / "go"
    home.runbook("bring-back", RUNBOOK.format(word=word))
    shop = home.service()
    shop.playbook["policy"] |= {"backoff": {"first": "100ms", "max": "100ms"}, "give_up": {"restarts": 50}}
    shop.write()
    before = shop.start()
    home.watch()
    for round_ in range(ROUNDS):
        wait_for(lambda: shop.pid() == before, "it answers", 60)  # noqa: B023
        os.kill(before, signal.SIGSTOP)
        wait_for(lambda: any(row["outcome"] == "running" for row in home.incidents()), "one is at it", 60)
        run = ("run", "bring-back", "--service", "shop", "--yes")
        kill = ("kill", "--port", str(shop.port), "--yes")
        commands = [run, kill, ("restart", "--service", "shop", "--yes"), ("tick",), run]
        people = [Person(home, round_ * 10 + number, *words) for number, words in enumerate(commands)]
        wait_for(lambda people=people: all(one.is_over for one in people), "the others know", 120)  # type: ignore[misc]
        for person in people:
            said, code = person.log.read_text(), person.process.returncode
            assert code == 2 if said.startswith("WD CRITICAL") else code == 5, said
            assert said.startswith("WD CRITICAL") or "held by run bring-back on shop (pid" in said, said
        word.write_text("")
        wait_for(lambda: shop.pid() not in (0, before), "it is back", 100)  # noqa: B023
        wait_for(lambda: all(row["outcome"] != "running" for row in home.incidents()), "the run is over", 100)
        word.unlink()
        assert not alive(before)
        before = shop.pid()
        assert shop.living() == [before] and len(shop.starts()) == 2 + round_, "started once"


def test_when_a_person_is_at_it_the_loop_and_a_tick_say_so_and_wait(home: Home) -> None:
    word = home.folder / "go"
    home.runbook("bring-back", RUNBOOK.format(word=word))
    shop = home.service()
    before = shop.start()
    person = Person(home, 1, "run", "bring-back", "--service", "shop", "--yes")
    wait_for(lambda: any(row["outcome"] == "running" for row in home.incidents()), "the person's run has begun", 60)
    os.kill(before, signal.SIGSTOP)
    daemon = home.watch()
    daemon.hears(f"run bring-back on shop (pid {person.process.pid}")
    daemon.hears(" is working on it")
    assert home.wd("tick").code == 2
    assert " is working on it" in (home.folder / "logs" / "watch.log").read_text()
    word.write_text("")
    assert person.process.wait(100) == 0, person.log.read_text()
    wait_for(lambda: shop.pid() not in (0, before), "it is back", 100)
    daemon.hears("recovered")
    assert len(shop.starts()) == 2
    assert [row["trigger"].partition(":")[0] for row in home.incidents()] == ["person"]
