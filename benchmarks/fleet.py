"""Many hosts: what the controller pays for each, beside `xargs ssh` and Ansible; and runs whose links are cut.

python benchmarks/fleet.py ask --hosts 100      # 100 sshd on loopback, one server, one question to each
python benchmarks/fleet.py cuts --cuts 50       # hung servers are cured while their links break at random moments

The hosts of the first are this machine, so the wall time holds the work of all hosts. The CPU time and the memory are
those of the controller alone: the command and its `ssh`, not what sshd starts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from homes import answering_pid, surroundings  # noqa: E402
from hosts import Fleet, fleet_in  # noqa: E402
from support import SERVERS, running  # noqa: E402

_CURE = """\
```wd timeout=30s on-fail=escalate
kill --grace 1s
```
```wd timeout=60s on-fail=stop
start
verify --healthy 1 --within 40s
```
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("ask", "cuts"))
    parser.add_argument("--hosts", type=int, default=0, help="default: 100 to ask, 10 for cuts")
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=25)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, fleet_in(Path(folder)) as fleet:
        Path(folder).chmod(0o700)
        if chosen.what == "ask":
            found: Any = ask(fleet, chosen.hosts or 100, chosen.at_once)
        else:
            found = cuts(fleet, chosen.hosts or 10, chosen.cuts)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1))


def ask(fleet: Fleet, count: int, at_once: int) -> list[dict[str, Any]]:
    for number in range(count):
        fleet.host(f"h{number:03}")
    config = fleet.folder / "ssh_config"
    config.write_text("\n".join(map(_entry, fleet.hosts.values())))
    names = fleet.folder / "names"
    names.write_text("\n".join(fleet.hosts))
    rows = []
    print("| | wall s | CPU s of the controller | CPU ms a host | memory MB at most | good answers |")
    print("|---|---|---|---|---|---|")
    with running(str(SERVERS / "plain.py"), "{port}") as server:
        question = ["why", f":{server.port}", "--within", "20s", "-o", "json"]
        told = " ".join(["wd-oncall", *question])
        ansible = str(Path(sys.executable).with_name("ansible"))
        lines = {
            "wd fleet why": fleet.argv(*question, "--at-once", str(at_once)),
            "xargs ssh": ["xargs", "-a", str(names), "-P", str(at_once), "-I{}", "ssh", "-F", str(config), "{}", told],
            "ansible -m command": [ansible, "all", "-i", str(fleet.inventory), "-f", str(at_once), "-a", told],
        }
        for name, line in lines.items():
            row = {"name": name, "hosts": count, **_measured(line, fleet)}
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


def _measured(line: Sequence[str], fleet: Fleet) -> dict[str, Any]:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(
        line, cwd=fleet.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=surroundings(),
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
        "good": out.count(b'"signature": '),
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
    """Every host is cured again and again; each cure's link is cut once, at a random moment."""
    for number in range(count):
        fleet.shop(f"h{number:02}").runbook("cure", _CURE)
    found = {"cuts": 0, "down": 0, "twice": 0, "not told": 0, "controllers": 0}
    chance = random.Random(1)
    while found["cuts"] < wanted:
        with contextlib.ExitStack() as servers:
            for shop in fleet.shops.values():
                shop.end_all()
                servers.enter_context(shop.server(hung=True))
            before = {name: len(shop.incidents()) for name, shop in fleet.shops.items()}
            words = ("run", "cure", "--service", "shop", "--batch", "100%", "--max-failed", "100", "-o", "json")
            controller = fleet.begin(*words)
            _cut_all(fleet, chance, controller)
            out, _ = controller.communicate(timeout=600)
            found["cuts"] += count
            found["controllers"] += controller.returncode == 0
            rows = [json.loads(line) for line in out.splitlines() if line.startswith('{"host"')]
            found["not told"] += sum(row["outcome"] != "recovered" for row in rows) + count - len(rows)
            for name, shop in fleet.shops.items():
                found["down"] += answering_pid(shop.port) == 0
                found["twice"] += len(shop.copies()) > 1 or len(shop.incidents()) != before[name] + 1
        print(found, flush=True)
    return found


def _cut_all(fleet: Fleet, chance: random.Random, controller: subprocess.Popen[str]) -> None:
    """Each link once, within the seconds that the cures take, the first ones before anything has begun."""
    moments = sorted((chance.uniform(0.5, 15.0), host) for host in fleet.hosts)
    begun = time.monotonic()
    for moment, name in moments:
        while time.monotonic() - begun < moment or not fleet.hosts[name].sessions():
            if controller.poll() is not None:
                return
            time.sleep(0.05)
        fleet.hosts[name].cut()


if __name__ == "__main__":
    main()
