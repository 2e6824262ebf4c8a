"""Servers below a second manager, a forged one, or one of another user: does an order ever reach the wrong program?

    python benchmarks/wrong_managers.py [SET-UPS]        # 20 without a number; needs root, supervisor, runit and circus

Four managers stand by: a supervisord, a runsv and a circusd with a program called "shop", and a supervisord with one
called "all". Each set-up adds one server, runs `wd kill --port` on it, and looks whether a program of the four has
another pid afterwards. A real second manager must have stopped its own program. A forged one must have led to a
refusal, with its server alive. What only calls itself systemd has no unit: its server is ended by signals.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import managers  # noqa: E402
from homes import WD, surroundings  # noqa: E402
from support import connects, end_session, free_port, wait_for  # noqa: E402

NAMES = ("shop", "all", "shop:shop", "-n", "shop all", "../shop", "shop;reboot", "")
SetUp = Callable[[Path, Path], AbstractContextManager[int]]


@contextlib.contextmanager
def forged(name: str, stands: Path, *words: str, user: int | None = None) -> Iterator[int]:
    """A shell that calls itself `name WORDS…`, with a server below it whose environment names a program of another."""
    port, said = free_port(), random.choice(NAMES)
    server = f"{managers.SYSTEM_PYTHON} -m http.server --bind 127.0.0.1 {port}"
    env = {**os.environ, "SUPERVISOR_PROCESS_NAME": said, "SUPERVISOR_GROUP_NAME": said, "name": said, "pm_id": "0"}
    process = subprocess.Popen(
        [name, "-c", f"{server} & wait", *words], executable="/bin/sh", cwd=stands, env=env, user=user,
        start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: connects(port), "the forged one listens")
        yield port
    finally:
        end_session(process)


def by_another_user(folder: Path, standing: Path) -> AbstractContextManager[int]:
    name = random.choice(("supervisord", "runsv", "circusd", "conmon", "containerd-shim-runc-v2"))
    return forged(name, Path("/"), "shop", user=pwd.getpwnam("nobody").pw_uid)


def named_systemd(folder: Path, standing: Path) -> AbstractContextManager[int]:
    return forged("systemd", Path("/"), "shop", user=pwd.getpwnam("nobody").pw_uid)


def with_a_real_configuration(folder: Path, standing: Path) -> AbstractContextManager[int]:
    return forged("supervisord", standing / "supervisor", "-c", str(standing / "supervisor" / "own.conf"))


def in_a_real_service_folder(folder: Path, standing: Path) -> AbstractContextManager[int]:
    return forged("runsv", standing / "runit" / "shop", "shop")


def with_a_real_endpoint(folder: Path, standing: Path) -> AbstractContextManager[int]:
    return forged("circusd", standing / "circus", "own.ini")


ENDED: dict[str, SetUp] = {
    "a second supervisord": lambda folder, _: managers.supervisord(folder, random.choice(("shop", "all"))),
    "a second runit tree": lambda folder, _: managers.runit(folder),
    "a second circusd": lambda folder, _: managers.circusd(folder),
    # The kernel's control group says which unit a process belongs to, and here it names none: no manager, so signals.
    "a shell that calls itself systemd": named_systemd,
}
FORGED: dict[str, SetUp] = {
    "forged by another user": by_another_user,
    "forged supervisord, real configuration": with_a_real_configuration,
    "forged runsv in a real service's folder": in_a_real_service_folder,
    "forged circusd, real endpoint": with_a_real_endpoint,
}


def kill(home: Path, port: int) -> int:
    for name in ("playbooks", "runbooks", "logs"):
        (home / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    argv = [*WD, "--home", str(home), "kill", "--port", str(port), "--yes", "--no-evidence"]
    done = subprocess.run(
        argv, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, env=surroundings(),
        check=False,
    )  # fmt: skip
    return done.returncode


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    counts: dict[str, Counter[str]] = {name: Counter() for name in (*ENDED, *FORGED)}
    with tempfile.TemporaryDirectory() as made, contextlib.ExitStack() as stack:
        standing = Path(made)
        kept = [
            stack.enter_context(managers.supervisord(standing / "supervisor")),
            stack.enter_context(managers.supervisord(standing / "supervisor-all", "all")),
            stack.enter_context(managers.runit(standing / "runit")),
            stack.enter_context(managers.circusd(standing / "circus")),
        ]
        before = [managers.holder(port) for port in kept]
        for turn in range(number):
            name = list(counts)[turn % len(counts)]
            with (ENDED | FORGED)[name](standing / f"set-up-{turn}", standing) as port:
                code = kill(standing / "home", port)
                ended = not connects(port)
            now = [managers.holder(port) for port in kept]
            as_meant = (code, ended) == ((0, True) if name in ENDED else (5, False))
            counts[name]["as meant" if as_meant else f"code {code}, {'ended' if ended else 'alive'}"] += 1
            counts[name]["wrong orders"] += now != before
            before = now
    for name, count in counts.items():
        print(f"{name:<42} {'; '.join(f'{what}: {times}' for what, times in sorted(count.items()))}")
    wrong = sum(count["wrong orders"] for count in counts.values())
    print(f"{number} set-ups, {wrong} wrong orders")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
