"""What a person gets for a playbook: the policy it states, or every mistake with its place and what would be right."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from watchdog.config import playbooks
from watchdog.model.errors import BadConfig
from watchdog.model.exits import Exit
from watchdog.model.playbook import Backoff, GiveUp, Percent, Playbook, Threshold
from watchdog.model.routes import Hours, Route
from watchdog.system.host import managers

SHOP = """\
service: shop
find: {port: 8000, cmdline: "uvicorn shop:app"}
start: {command: [python, -m, uvicorn, "shop:app", --port, "8000"], cwd: web, ready: {within: 60s}}
logs: [logs/shop.log]
probes:
  health: {http: /api/health, every: 10s, timeout: 5s, fails: 3}
  memory: {memory: 4GB, for: 1m}
checks:
  database: {command: [python, utils/consistency_check.py]}
triggers:
  - {on: health, run: frozen-server}
  - {on: memory, run: planned-restart}
  - {cron: "0 4 * * *", run: nightly-check}
policy:
  mode: act
  backoff: {first: 1s, max: 5m, reset_after: 10m}
  give_up: {restarts: 4, within: 30m}
notify: ["slack://a/b/c"]
"""


@pytest.fixture
def home(folder: Path) -> Path:
    for name in ("playbooks", "runbooks", "logs"):
        (folder / name).mkdir(mode=0o700)
    return folder


def load(home: Path, text: str, name: str = "shop.yml") -> Playbook:
    path = home / "playbooks" / name
    path.write_text(text)
    path.chmod(0o600)
    return playbooks.load(path)


def mistakes(home: Path, text: str) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        load(home, text)
    assert caught.value.code == Exit.UNKNOWN
    return [line.removeprefix(str(home / "playbooks") + os.sep) for line in caught.value.mistakes]


THROUGH = (
    "systemd:shop.service", "systemd:shop@1.service", "systemd-user:shop.service", "supervisor:shops:shop",
    "runit:/etc/service/shop", "pm2:shop", "circus:shop", "service:Shop of the town", "docker:shop", "podman:shop",
)  # fmt: skip


@pytest.mark.parametrize("through", THROUGH)
def test_each_manager_that_wd_acts_through_may_stand_in_a_playbook(home: Path, through: str) -> None:
    assert load(home, BASE + f"start: {{through: '{through}'}}\n").start.through == through
    assert managers.parse(through).kind == through.partition(":")[0]


@pytest.mark.parametrize("through", ["service:..\\shop", "service:/shop", "docker:--all", "runit:-w", "pm2:"])
def test_what_no_order_can_be_given_for_may_not(home: Path, through: str) -> None:
    (mistake,) = mistakes(home, BASE + f"start: {{through: '{through}'}}\n")
    assert "start.through:" in mistake and "service:NAME" in mistake
    with pytest.raises(ValueError, match="names no manager"):
        managers.parse(through)


def test_the_policy_arrives_as_it_was_written(home: Path) -> None:
    shop = load(home, SHOP)
    assert (shop.service, shop.find.port, shop.find.cmdline) == ("shop", 8000, ("uvicorn", "shop:app"))
    assert shop.start.command == ("python", "-m", "uvicorn", "shop:app", "--port", "8000")
    assert shop.start.cwd == str(home / "web")
    assert shop.logs == (str(home / "logs" / "shop.log"),)
    health, memory = shop.probes
    assert (health.kind, health.subject, health.every, health.timeout) == ("http", "/api/health", 10.0, 5.0)
    assert health.threshold == Threshold(3, 3)
    assert (memory.subject, memory.threshold.lasting) == (4 * 1024**3, 60.0)
    assert shop.checks[0].setting("cwd") == str(home)
    assert [(one.kind, one.subject, one.run) for one in shop.triggers] == [
        ("probe", "health", ("frozen-server",)),
        ("probe", "memory", ("planned-restart",)),
        ("cron", "0 4 * * *", ("nightly-check",)),
    ]
    assert shop.policy.mode == "act"
    assert shop.policy.backoff == Backoff(1.0, 2.0, 300.0, 600.0)
    assert shop.policy.give_up == GiveUp(4, 1800.0)
    assert shop.url == "http://127.0.0.1:8000/api/health"


def test_a_playbook_that_says_nothing_of_it_only_observes(home: Path) -> None:
    assert load(home, "service: a\nfind: {port: 1}\n").policy.mode == "observe"


def test_defaults_of_the_file_are_those_of_the_records(home: Path) -> None:
    small = load(home, "service: a\nfind: {port: 1}\nprobes: {x: {tcp: 1}}\nchecks: {y: {sqlite: a.db}}\n")
    bare = Playbook("a", small.find, path=small.path)
    assert (small.policy, small.start, small.logs, small.notify) == (bare.policy, bare.start, (), ())
    assert small.probes[0].threshold == Threshold()
    assert (small.probes[0].every, small.probes[0].timeout, small.checks[0].timeout) == (30.0, 5.0, 60.0)


def test_every_form_of_a_value_is_understood(home: Path) -> None:
    found = load(
        home,
        """\
service: all
find: {cmdline: ["gunicorn", "a b"]}
start:
  command: gunicorn 'shop app' -w 3
  env: {PORT: 8000, DEBUG: NO, RATE: 1.10, EMPTY: '', MODE: 0755}
  env_file: .env
  user: shop
  listen: 8000
  log: /var/log/shop.log
  fallback: [python, old.py]
  ready: {within: 500ms, url: "http://[::1]:8000/", warm_up: "https://localhost/x?y=1"}
logs: one.log
probes:
  a:
    http: "http://localhost:1/"
    status: [200, 204]
    json: {ok: true, n: 3, s: "3", z: null}
    contains: fine
    fails: 3 of 5
  b: {tcp: "[::1]:80", every: 1s, timeout: 5s}
  c: {memory: 85%}
  d: {system-memory: 90}
  e: {cpu: 250.5%}
  f: {log: "(Killed|OOM)", regex: true, count: 3, within: 5m, file: x.log}
  g: {log: logs/x.log, silence: 1h30m}
  h: {command: check.sh --fast}
  i: {stdio: pipes}
  j: {fds: 90%}
  k: {threads: 500}
  l: {disk: /, free: 10GiB}
  m: {queue: 5}
  n: {certificate: "shop.example:443", left: 7d}
  o: {process: 2, most: 5}
checks:
  a: {sqlite: shop.db}
  b: {pidfile: run/shop.pid}
  c: {lockfile: /run/shop.lock, timeout: 1s}
  d: {disk: ., free: 5%}
  e: {port: 8000}
  f: {command: [true], cwd: sub}
triggers:
  - {on: death, run: [reset-conversation, frozen-server]}
  - {every: 6h, run: nightly-check}
  - {log: out of memory, count: 2, run: memory-pressure}
  - {death: true, run: frozen-server}
  - {trend: c, within: 30m, run: planned-restart}
policy:
  quiet: [{cron: "0 3 * * *", for: 2h}]
  target: 99.95
  per_hour: 0
notify:
  - slack://a/b
  - {to: [ntfy://a/b, json://c/], severity: critical, hours: ["mon-fri 22:00-06:00", "sat 00:00-24:00"]}
""",
    )
    assert found.start.command == ("gunicorn", "shop app", "-w", "3")
    assert dict(found.start.env) == {"PORT": "8000", "DEBUG": "NO", "RATE": "1.10", "EMPTY": "", "MODE": "0755"}
    assert (found.start.listen, found.start.log) == (("127.0.0.1:8000",), str(Path("/var/log/shop.log").absolute()))
    assert found.find.cmdline == ("gunicorn", "a b")
    probes = {one.name: one for one in found.probes}
    assert probes["a"].threshold == Threshold(3, 5)
    assert probes["a"].setting("status") == (200, 204)
    assert dict(probes["a"].setting("json")) == {"ok": True, "n": 3, "s": "3", "z": None}
    assert (probes["c"].subject, probes["d"].subject, probes["e"].subject) == (
        Percent(85.0),
        Percent(90.0),
        Percent(250.5),
    )
    assert probes["f"].setting("file") == str(home / "x.log")
    assert (probes["g"].subject, probes["g"].setting("silence")) == (str(home / "logs" / "x.log"), 5400.0)
    assert probes["h"].subject == ("check.sh", "--fast")
    assert probes["l"].setting("free") == 10 * 1024**3
    checks = {one.name: one for one in found.checks}
    assert checks["a"].subject == str(home / "shop.db")
    assert checks["f"].setting("cwd") == str(home / "sub")
    assert [one.kind for one in found.triggers] == ["death", "every", "log", "death", "trend"]
    assert found.triggers[1].every == 21600.0
    assert found.policy.quiet == (("0 3 * * *", 7200.0),)
    assert found.notify == (
        Route(("slack://a/b",)),
        Route(("ntfy://a/b", "json://c/"), "critical", (Hours(1320, 360, (0, 1, 2, 3, 4)), Hours(0, 1440, (5,)))),
    )
    assert found.receivers == ("slack://a/b", "ntfy://a/b", "json://c/")


def test_a_pattern_stays_whole(home: Path) -> None:
    found = load(home, "service: a\nfind: {cmdline: 'python .*shop[.]py', regex: true}\n")
    assert (found.find.cmdline, found.find.regex) == (("python .*shop[.]py",), True)


def test_a_section_whose_lines_are_all_commented_out_is_absent(home: Path) -> None:
    assert load(home, "service: a\nfind: {port: 1}\nprobes:\n#  x: {tcp: 1}\ntriggers:\n").probes == ()


BASE = "service: a\nfind: {port: 80}\n"

# Each: what stands in the file, the place and path that are told, and a word of what would be right.
BROKEN = [
    ("find: {port: 80}\n", "1:1: service:", "missing"),
    ("service: a\n", "1:1: find:", "missing"),
    ("service: ../a\nfind: {port: 80}\n", "1:10: service:", "file name"),
    ("service: a b\nfind: {port: 80}\n", "1:10: service:", "file name"),
    ("service:\nfind: {port: 80}\n", "1:1: service:", "missing"),
    ("service: a\nfind: {}\n", "2:7: find:", "give a port, or a cmdline"),
    ("service: a\nfind: {port: 0}\n", "2:14: find.port:", "from 1 to 65535 (got '0')"),
    ("service: a\nfind: {port: 65536}\n", "2:14: find.port:", "from 1 to 65535"),
    ("service: a\nfind: {port: -1}\n", "2:14: find.port:", "from 1 to 65535"),
    ("service: a\nfind: {prot: 80}\n", "2:8: find.prot:", "did you mean 'port'?"),
    ("service: a\nfind: {cmdline: 'x', regexp: true}\n", "2:22: find.regexp:", "did you mean 'regex'?"),
    ("service: a\nfind: {cmdline: '(', regex: true}\n", "2:7: find:", "not a regular expression"),
    ('service: a\nfind: {cmdline: "it\'s"}\n', "2:17: find.cmdline:", "quote in it is not closed"),
    ("service: a\nfind: 80\n", "2:7: find:", "mapping"),
    (BASE + "start: {command: []}\n", "3:18: start.command:", "list of words"),
    (BASE + "start: {command: [a, [b]]}\n", "3:18: start.command:", "each word"),
    (BASE + "start: {comand: x}\n", "3:9: start.comand:", "did you mean 'command'?"),
    (BASE + "start: {command: x, cwd: ~/web}\n", "3:26: start.cwd:", "not expanded"),
    (BASE + "start: {command: x, through: systemd:x}\n", "3:8: start:", "not both"),
    (BASE + "start: {through: systemd:x, listen: 8000}\n", "3:8: start:", "opens the sockets of what it starts itself"),
    ("service: shop\nfind: {port: 8000}\nstart: {command: x, listen: 8001}\n", "1:1: ", "find.port is 8000"),
    (BASE + "start: {through: upstart:x}\n", "3:18: start.through:", "systemd:UNIT"),
    (BASE + "start: {fallback: x}\n", "3:8: start:", "the command that it stands in for"),
    (BASE + "start: {command: x, env: {A-B: 1}}\n", "3:27: start.env.A-B:", "letters, digits and _"),
    (BASE + "start: {command: x, env: [A]}\n", "3:26: start.env:", "mapping"),
    (BASE + "start: {command: x, ready: {within: 60}}\n", "3:37: start.ready.within:", "unit is missing"),
    (BASE + "start: {command: x, ready: {within: 0s}}\n", "3:37: start.ready.within:", "from 100ms to 1d"),
    (BASE + "logs: [a, {b: c}]\n", "3:11: logs[1]:", "path"),
    (BASE + "probes: [a]\n", "3:9: probes:", "mapping"),
    (BASE + "probes: {x: {htpp: /}}\n", "3:13: probes.x:", "did you mean 'http'?"),
    (BASE + "probes: {x: {http: /, tcp: 1}}\n", "3:13: probes.x:", "http and tcp"),
    (BASE + "probes: {x: {http: 'ftp://x'}}\n", "3:20: probes.x.http:", "http://127.0.0.1:8000/health"),
    (BASE + "probes: {x: {http: /, every: 0s}}\n", "3:30: probes.x.every:", "from 100ms"),
    (BASE + "probes: {x: {http: /, every: -5s}}\n", "3:30: probes.x.every:", "such as 10s"),
    (BASE + "probes: {x: {http: /, every: .inf}}\n", "3:30: probes.x.every:", "such as 10s"),
    (BASE + "probes: {x: {http: /, every: .nan}}\n", "3:30: probes.x.every:", "such as 10s"),
    (BASE + f"probes: {{x: {{http: /, every: {'9' * 400}s}}}}\n", "3:30: probes.x.every:", "such as 10s"),
    (BASE + "probes: {x: {http: /, fails: 6 of 5}}\n", "3:30: probes.x.fails:", '"3 of 5"'),
    (BASE + "probes: {x: {http: /, fails: 0}}\n", "3:30: probes.x.fails:", "at least 1"),
    (BASE + "probes: {x: {http: /, status: 2xx}}\n", "3:31: probes.x.status", "from 100 to 599"),
    (BASE + "probes: {x: {memory: 4XB}}\n", "3:22: probes.x.memory:", "512MB"),
    (BASE + "probes: {x: {memory: 512}}\n", "3:22: probes.x.memory:", "unit is missing"),
    (BASE + "probes: {x: {memory: 120%}}\n", "3:22: probes.x.memory:", "up to 100"),
    (BASE + "probes: {x: {log: oops}}\n", "3:19: probes.x.log:", "give `logs`"),
    (BASE + "logs: a\nprobes: {x: {log: '(', regex: true}}\n", "4:13: probes.x:", "regular expression"),
    (BASE + "probes: {death: {tcp: 1}}\n", "3:17: probes.death:", "the end of the server"),
    ("service: a\nfind: {cmdline: x}\nprobes: {x: {http: /}}\n", "3:20: probes.x.http:", "needs find.port"),
    (BASE + "checks: {x: {sqlight: a}}\n", "3:13: checks.x:", "did you mean 'sqlite'?"),
    (BASE + "checks: {x: {sqlite: a, cwd: b}}\n", "3:25: checks.x.cwd:", "unknown key"),
    (BASE + "triggers: {on: x}\n", "3:11: triggers:", "list"),
    (BASE + "triggers: [{on: helth, run: frozen-server}]\n", "3:17: triggers[0].on:", "no such probe"),
    (BASE + "triggers: [{on: death, run: frozen-servr}]\n", "3:29: triggers[0].run:", "did you mean 'frozen-server'?"),
    (BASE + "triggers: [{on: death}]\n", "3:12: triggers[0].run:", "missing"),
    (BASE + "triggers: [{cron: '61 * * * *', run: nightly-check}]\n", "3:19: triggers[0].cron:", "Bad minute"),
    (BASE + "triggers: [{cron: '@daily', run: nightly-check}]\n", "3:19: triggers[0].cron:", "five fields"),
    (BASE + "triggers: [{trend: x, run: nightly-check}]\n", "3:20: triggers[0].trend:", "memory"),
    (BASE + "policy: {mode: akt}\n", "3:16: policy.mode:", "observe, ask, act"),
    (BASE + "policy: {mode: [act]}\n", "3:16: policy.mode:", "observe, ask, act"),
    (BASE + "policy: {backoff: {first: 10m, max: 1s}}\n", "3:19: policy.backoff:", "shorter than first"),
    (BASE + "policy: {backoff: {factor: .5}}\n", "3:28: policy.backoff.factor:", "from 1 to 100"),
    (BASE + "policy: {give_up: {restarts: 0}}\n", "3:30: policy.give_up.restarts:", "from 1 to 1000"),
    (BASE + "policy: {target: 101%}\n", "3:18: policy.target:", "up to 100"),
    (BASE + "policy: {quiet: [{cron: '0 3 * * *'}]}\n", "3:18: policy.quiet[0].for:", "missing"),
    (BASE + "policy: {max_kills: 1_0}\n", "3:21: policy.max_kills:", "from 1 to 100"),
    (BASE + "notify: [nobody]\n", "3:10: notify[0]:", "slack://"),
    (BASE + "notify: {to: nobody}\n", "3:", "slack://"),
    (BASE + "notify: [{severity: critical}]\n", "3:", "this key is missing"),
    (BASE + "notify: [{to: 'a://b', severity: high}]\n", "3:", "warning"),
    (BASE + "notify: [{to: 'a://b', hours: 8-18}]\n", "3:", "08:00-18:00"),
    (BASE + "notify: [{to: 'a://b', hours: mon-fry 08:00-18:00}]\n", "3:", "the days are mon"),
    (BASE + "notify: [{to: 'a://b', hours: 25:00-26:00}]\n", "3:", "08:00-18:00"),
    (BASE + "notify: [{to: 'a://b', hours: 08:00-08:00}]\n", "3:", "08:00-18:00"),
    (BASE + "notify: [{to: 'a://b', severty: info}]\n", "3:", "severity"),
    (BASE + "probes:\n  x:\n    http: /\n    every:\n", "6:5: probes.x.every:", "such as 10s or 5m (got nothing)"),
    (BASE + "servce: b\n", "3:1: servce:", "did you mean 'service'?"),
    ("- a\n", "1:1:", "mapping"),
    ("", "1:1:", "empty"),
]


@pytest.mark.parametrize(("text", "place", "right"), BROKEN)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(
    home: Path, text: str, place: str, right: str
) -> None:
    told = mistakes(home, text)
    assert len(told) == 1, told
    assert told[0].startswith(f"shop.yml:{place}"), told[0]
    assert right in told[0]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(home: Path) -> None:
    told = mistakes(home, "service: a/b\nfind: {port: x}\nprobes: {p: {http: /, every: 1}}\nwhat: 1\nservice: c\n")
    assert [re.match(r"shop.yml:(\d+)", line)[1] for line in told] == ["1", "2", "3", "4", "5"]  # type: ignore[index]


def test_what_is_wrong_throughout_does_not_fill_the_screen(home: Path) -> None:
    told = mistakes(home, BASE + "".join(f"k{number}: 1\n" for number in range(500)))
    assert len(told) == 51
    assert told[-1] == "… and 450 more"


def test_tokens_of_receivers_and_values_of_the_environment_are_never_shown(home: Path) -> None:
    told = mistakes(home, BASE + "start: {command: x, env: {KEY: [hunter2]}}\nnotify: ['s3cret token']\n")
    assert len(told) == 2
    assert "hunter2" not in str(told)
    assert "s3cret" not in str(told)


def test_what_a_terminal_would_obey_is_shown_instead(home: Path) -> None:
    told = mistakes(home, 'service: "a\\e[31m\\u202eb"\nfind: {port: 80}\n"x\\ny": 1\n')
    assert all(line.isprintable() for line in told), told


def test_a_time_limit_may_be_longer_than_the_interval(home: Path) -> None:
    probe = load(home, BASE + "probes: {x: {http: /, every: 1s, timeout: 5s}}\n").probes[0]
    assert (probe.every, probe.timeout) == (1.0, 5.0)


def test_a_runbook_of_the_home_can_be_named(home: Path) -> None:
    text = BASE + "triggers: [{on: death, run: mine}]\n"
    assert "no such runbook" in mistakes(home, text)[0]
    (home / "runbooks" / "mine.md").write_text("# mine\n")
    assert load(home, text).triggers[0].run == ("mine",)


def test_two_playbooks_about_one_service_are_a_mistake(home: Path) -> None:
    for name in ("one.yml", "two.yaml"):
        (home / "playbooks" / name).write_text(BASE)
    with pytest.raises(BadConfig) as caught:
        playbooks.load_all(home)
    assert "one.yml is about this service too" in caught.value.mistakes[0]


def test_the_mistakes_of_all_files_are_told_together(home: Path) -> None:
    (home / "playbooks" / "one.yml").write_text(BASE + "x: 1\n")
    (home / "playbooks" / "two.yml").write_text("find: {}\n")
    (home / "playbooks" / "three.yml").write_text(BASE)
    with pytest.raises(BadConfig) as caught:
        playbooks.load_all(home)
    assert len(caught.value.mistakes) == 3


def test_the_broken_playbook_of_one_service_does_not_stand_in_the_way_of_another(home: Path) -> None:
    (home / "playbooks" / "one.yml").write_text("service: [\n")
    (home / "playbooks" / "two.yml").write_text(BASE)
    assert playbooks.service(home, "a").service == "a"


def test_an_unknown_service_is_answered_with_those_that_there_are(home: Path) -> None:
    (home / "playbooks" / "two.yml").write_text("service: shop\nfind: {port: 1}\n")
    with pytest.raises(BadConfig) as caught:
        playbooks.service(home, "shp")
    assert "did you mean 'shop'?" in caught.value.what


def test_what_an_editor_leaves_behind_is_no_playbook(home: Path) -> None:
    for name in (".shop.yml.swp", ".#shop.yml", "#shop.yml#", "shop.yml~", ".hidden.yml", "README.md"):
        (home / "playbooks" / name).write_text("garbage: [")
    assert playbooks.load_all(home) == ()
