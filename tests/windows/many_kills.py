"""`wd kill` again and again, with look-alikes around it that come and go: how many wrong processes ended?

    python tests/windows/many_kills.py [KILLS] [LOOK-ALIKES]

The commands run in this one interpreter, so that a thousand of them take minutes. Before each kill one look-alike is
ended by its own handle and another one starts, so that Windows gives the same pids to new processes all the time.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

import psutil
from machine import free_port

from watchdog.cli.main import call

# Wine tells who listens only where TCP_NODELAY is set.
SERVER = """
import socket, sys, time
if sys.argv[2:] == ["serve"]:
    sock = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("ready", flush=True)
time.sleep(3600)
"""
STUCK = 100  # seconds after which a turn has failed: it is shown where it waits
AT_ONCE = 1  # the exit code that wd gives to what it ends


def main() -> int:
    kills, around = (*(int(word) for word in sys.argv[1:]), *(1000, 20)[len(sys.argv) - 1 :])
    with tempfile.TemporaryDirectory() as made:
        script = Path(made) / "shop.py"
        script.write_text(SERVER)
        return _Kills(script, around).run(kills)


class _Kills:
    def __init__(self, script: Path, around: int) -> None:
        self._script, self._port, self._home = script, free_port(), script.parent / "home"
        for name in ("playbooks", "runbooks", "logs"):
            (self._home / name).mkdir(parents=True)
        self._others = [self._start("looks-alike") for _ in range(around)]
        self._counts: Counter[str] = Counter()
        self._pids: Counter[int] = Counter(one.pid for one in self._others)

    def run(self, kills: int) -> int:
        try:
            for turn in range(kills):
                faulthandler.dump_traceback_later(STUCK, exit=True)
                self._replace_one(turn)
                self._kill_one()
                if (turn + 1) % 100 == 0:
                    print(turn + 1, dict(self._counts), flush=True)
        finally:
            faulthandler.cancel_dump_traceback_later()
            for one in self._others:
                one.kill()
        again = sum(times - 1 for times in self._pids.values())
        seen = self._counts
        print(f"{kills} kills among {len(self._others)} look-alikes: {seen['right']} right, {seen['wrong']} wrong, "
              f"{seen['failed']} not ended; {again} pids were used again")  # fmt: skip
        return 0 if self._counts["right"] == kills and not self._counts["wrong"] else 1

    def _replace_one(self, turn: int) -> None:
        place = turn % len(self._others)
        self._others[place].kill()
        self._others[place].wait(30)
        self._others[place] = self._start("looks-alike")
        self._pids[self._others[place].pid] += 1

    def _kill_one(self) -> None:
        server = self._start("serve")
        self._pids[server.pid] += 1
        try:
            assert server.stdout is not None
            server.stdout.readline()  # only now Wine tells whose the socket is
            before, said = set(psutil.pids()), io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                code = call(["--home", str(self._home), "kill", f":{self._port}", "--yes", "--force", "--no-evidence"])
            gone = before - set(psutil.pids()) - {server.pid}
            self._counts["wrong"] += len(gone)  # nothing else ends by itself under Wine
            ended = server.poll() == AT_ONCE
            self._counts["right" if code == 0 and ended else "failed"] += 1
            if code or not ended or gone:
                print(f"code {code}, ended {ended}, {gone} are gone, too: {said.getvalue()[-500:]}", flush=True)
        finally:
            server.kill()
            server.wait(30)

    def _start(self, role: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-S", str(self._script), str(self._port), role],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
