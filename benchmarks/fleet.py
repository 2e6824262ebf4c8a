"""Many hosts: what the controller pays for each, beside `xargs ssh` and Ansible; and runs whose links are cut.

python benchmarks/fleet.py ask --hosts 100      # 100 sshd on loopback, one server, one question to each
python benchmarks/fleet.py run --hosts 100      # the same, with a run on each whose files are fetched
python benchmarks/fleet.py cuts --cuts 50       # hung servers are cured while their links break, in each phase

The hosts of the first two are this machine, so the wall time holds the work of all hosts. The CPU time and the memory
are those of the controller alone: the command and its `ssh`, not what sshd starts. For root, the hosts of the last are
network namespaces with a cable each, which is pulled for every second cut; else their sshd is on loopback.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import networks  # noqa: E402
from homes import answering_pid, surroundings  # noqa: E402
from hosts import Fleet, fleet_in  # noqa: E402
from networks import CableHost  # noqa: E402
from support import SERVERS, running  # noqa: E402

_UNPLUGGED = 5.0  # seconds; `ssh` gives up after 3
_CURE = """\
```wd timeout=20s
exec -- sleep 2
```
```wd timeout=30s on-fail=escalate
kill --grace 1s
```
```wd timeout=20s
exec -- sleep 2
```
```wd timeout=60s on-fail=stop
start
verify --healthy 1 --within 40s
exec -- sleep 2
```
"""
_WORK = "```wd timeout=60s on-fail=stop\nexec -- true\n```\n"
# What a run has printed when its link is cut.
_PHASES = {
    "before the kill": "… exec -- sleep",
    "between kill and start": "✓ kill",
    "before the report": "✓ verify",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("ask", "run", "cuts"))
    parser.add_argument("--hosts", type=int, default=0, help="default: 10 for cuts, else 100")
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=25)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    cables = chosen.what == "cuts" and os.geteuid() == 0 and not networks.why_not()
    make = networks.cable_fleet_in if cables else fleet_in
    with tempfile.TemporaryDirectory() as folder, make(Path(folder)) as fleet:
        Path(folder).chmod(0o700)
        if chosen.what == "ask":
            found: Any = ask(fleet, chosen.hosts or 100, chosen.at_once)
        elif chosen.what == "run":
            found = run(fleet, chosen.hosts or 100, chosen.at_once)
        else:
            found = cuts(fleet, chosen.hosts or 10, chosen.cuts)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1))


def ask(fleet: Fleet, count: int, at_once: int) -> list[dict[str, Any]]:
    for number in range(count):
        fleet.host(f"h{number:03}")
    with running(str(SERVERS / "plain.py"), "{port}") as server:
        question = ["why", f":{server.port}", "--within", "20s", "-o", "json"]
        told = " ".join(["wd-oncall", *question])
        ansible = str(Path(sys.executable).with_name("ansible"))
        lines = {
            "wd fleet why": fleet.argv(*question, "--at-once", str(at_once)),
            "xargs ssh": [*_xargs(fleet, at_once), "ssh", "-F", str(fleet.folder / "ssh_config"), "{}", told],
            "ansible -m command": [ansible, "all", "-i", str(fleet.inventory), "-f", str(at_once), "-a", told],
        }
        return _compared(lines, fleet, count, lambda out: out.count(b'"signature": '))


def run(fleet: Fleet, count: int, at_once: int) -> list[dict[str, Any]]:
    """One runbook on each host, and its files on the controller afterwards."""
    for number in range(count):
        fleet.shop(f"h{number:03}").runbook("work", _WORK)
    own = ["WD_HOME={}-home", "wd-oncall", "run", "work", "--service", "shop", "-o", "json"]
    plain = f"ssh -F {fleet.folder}/ssh_config {{}} env {' '.join(own)} >{{}}.json"
    plain += f" && ssh -F {fleet.folder}/ssh_config {{}} tar -C {{}}-home/logs -cz incidents >{{}}.tar.gz"
    plain = plain.replace("{}-home", f"{fleet.folder}/{{}}-home")
    words = ("run", "work", "--service", "shop", "--batch", "100%", "--max-at-once", str(at_once), "--id", "bench")
    lines = {
        "wd fleet run": [*fleet.argv(*words), "-o", "json"],
        "xargs ssh": [*_xargs(fleet, at_once), "sh", "-c", plain],
        "ansible-playbook": _play(fleet, at_once),
    }
    places = {
        "wd fleet run": "controller/logs/fleet-runs/bench/hosts/*/report.json",
        "xargs ssh": "h*.tar.gz",
        "ansible-playbook": "wd-evidence/*/*.tar.gz",
    }
    return _compared(lines, fleet, count, lambda out: 0, places)


def _play(fleet: Fleet, at_once: int) -> list[str]:
    """The role of the collection, from the folder where wd has it."""
    place = fleet.folder / "collections" / "ansible_collections" / "wd"
    place.mkdir(parents=True)
    (place / "oncall").symlink_to(ROOT / "watchdog" / "fleet" / "collection")
    values = {"wd_oncall_runbook": "work", "wd_oncall_service": "shop", "wd_oncall_home": "{{ wd_home }}"}
    play = {"hosts": "all", "gather_facts": False, "roles": [{"role": "wd.oncall.run", "vars": values}]}
    (fleet.folder / "work.yml").write_text(json.dumps([play]))
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    return [program, "-i", str(fleet.inventory), "-f", str(at_once), str(fleet.folder / "work.yml")]


def _xargs(fleet: Fleet, at_once: int) -> list[str]:
    (fleet.folder / "ssh_config").write_text("\n".join(map(_entry, fleet.hosts.values())))
    names = fleet.folder / "names"
    names.write_text("\n".join(fleet.hosts))
    return ["xargs", "-a", str(names), "-P", str(at_once), "-I{}"]


def _compared(
    lines: Mapping[str, Sequence[str]],
    fleet: Fleet,
    count: int,
    good: Callable[[bytes], int],
    places: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    rows = []
    print("| | wall s | CPU s of the controller | CPU ms a host | memory MB at most | good answers |")
    print("|---|---|---|---|---|---|")
    for name, line in lines.items():
        row = {"name": name, "hosts": count, **_measured(line, fleet, good)}
        if places:
            row["good"] = len(list(fleet.folder.glob(places[name])))
        print(
            f"| {name} | {row['wall']:.1f} | {row['cpu']:.2f} | {row['cpu'] / count * 1000:.0f} "
            f"| {row['memory'] / 1e6:.0f} | {row['good']} |",
            flush=True,
        )
        rows.append(row)
    return rows


def _entry(host: Any) -> str:
    return (
        f"Host {host.name}\n HostName 127.0.0.1\n Port {host.port}\n IdentityFile {host.folder}/user_key\n"
        f" UserKnownHostsFile {host.folder}/known\n BatchMode yes\n IdentitiesOnly yes\n"
    )


def _measured(line: Sequence[str], fleet: Fleet, good: Callable[[bytes], int]) -> dict[str, Any]:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(
        line, cwd=fleet.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=surroundings(ANSIBLE_COLLECTIONS_PATH=str(fleet.folder / "collections"), LC_ALL="C.UTF-8"),
    )  # fmt: skip
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            most[0] = max(most[0], sum(map(_memory, _family(process.pid))))

    threading.Thread(target=watch, daemon=True).start()
    out, _ = process.communicate(timeout=1200)
    over.set()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall": time.monotonic() - begun,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "memory": most[0],
        "good": good(out),
    }


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _memory(pid: int) -> int:
    """Its own share: pages that several processes have count in parts."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def cuts(fleet: Fleet, count: int, wanted: int) -> dict[str, Any]:
    """Every host is cured again and again; the link of each cure is cut once, in one of the three phases."""
    for number in range(count):
        fleet.shop(f"h{number:02}").runbook("cure", _CURE)
    found = {"cuts": 0, **dict.fromkeys(_PHASES, 0), "down": 0, "twice": 0, "not fetched": 0}
    while found["cuts"] < wanted:
        with contextlib.ExitStack() as servers:
            for name, shop in fleet.shops.items():
                shop.end_all()
                with _on(fleet, name):
                    servers.enter_context(shop.server(hung=True))
            before = {name: len(shop.incidents()) for name, shop in fleet.shops.items()}
            run = f"cuts-{found['cuts']}"
            words = ("--service", "shop", "--batch", "100%", "--max-failed", "100", "--id", run, "-o", "json")
            controller = fleet.begin("run", "cure", *words)
            _cut_all(fleet, run, controller, found)
            out, _ = controller.communicate(timeout=600)
            rows = [json.loads(line) for line in out.splitlines() if line.startswith('{"host"')]
            found["not fetched"] += count - sum(row["outcome"] == "recovered" and row["files"] > 1 for row in rows)
            for name, shop in fleet.shops.items():
                with _on(fleet, name):
                    found["down"] += answering_pid(shop.port) == 0
                found["twice"] += len(shop.copies()) > 1 or len(shop.incidents()) != before[name] + 1
        print(found, flush=True)
    return found


def _on(fleet: Fleet, name: str) -> contextlib.AbstractContextManager[None]:
    host = fleet.hosts[name]
    return host.network.inside() if isinstance(host, CableHost) else contextlib.nullcontext()


def _cut_all(fleet: Fleet, run: str, controller: subprocess.Popen[str], found: dict[str, int]) -> None:
    """The next phase for the next host; every second cut is a cable that is pulled, where there are cables."""
    waiting = {name: list(_PHASES)[(found["cuts"] + number) % len(_PHASES)] for number, name in enumerate(fleet.hosts)}
    unplugged: list[tuple[float, CableHost]] = []
    while (waiting or unplugged) and controller.poll() is None:
        for name, phase in list(waiting.items()):
            host = fleet.hosts[name]
            if _PHASES[phase] not in fleet.output(name, run) or not host.sessions():
                continue
            del waiting[name]
            found[phase] += 1
            found["cuts"] += 1
            if isinstance(host, CableHost) and found["cuts"] % 2:
                host.unplug()
                unplugged.append((time.monotonic() + _UNPLUGGED, host))
            else:
                host.cut()
        while unplugged and unplugged[0][0] < time.monotonic():
            unplugged.pop(0)[1].plug()
        time.sleep(0.05)
    for _, host in unplugged:
        host.plug()


if __name__ == "__main__":
    main()
