"""wd on Windows (a real one, or Wine) with real processes: the right server is found and ended, no other."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import psutil
import pytest

if sys.platform != "win32":
    pytest.skip("these are for Windows: sh tests/windows.sh runs them", allow_module_level=True)

from machine import Home, Programs, free_port, home, listens, processes_of, programs, told, wait_for, wd, wd_here

from watchdog.model.errors import CannotTell
from watchdog.system.windows import ports, sockets, tcp_table

__all__ = ["home", "programs"]  # fixtures

FAMILY = """
for place in range(2):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
serve()
"""


def test_a_server_is_found_by_its_port_its_pid_and_its_command_line(programs: Programs) -> None:
    server, port = programs.serve()
    script = str(programs.folder / "shop.py")
    for words in ((f":{port}",), ("--pid", str(server.pid)), ("--cmdline", script), ("--cmdline", "shop.py")):
        done = wd_here("find", *words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        row = next(line for line in done.stdout.splitlines() if str(server.pid) in line)
        assert str(port) in row, words


def test_a_table_of_sockets_that_windows_refuses_is_no_empty_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_table, "_table", lambda *words: 5)  # ERROR_ACCESS_DENIED
    for ask in (ports.listeners, lambda: ports.connected(8000), lambda: sockets.connections([1], [8000], {})):
        with pytest.raises(CannotTell, match="cannot be read"):
            ask()


def test_ps_lists_a_healthy_server_as_healthy(programs: Programs) -> None:
    server, _ = programs.serve()
    done = wd("ps")
    assert done.returncode == 0, done.stderr
    assert any(str(server.pid) in line and "healthy" in line for line in done.stdout.splitlines()), done.stdout


def test_a_dry_run_names_no_signal_and_ends_nothing(programs: Programs) -> None:
    server, port = programs.serve()
    done = wd("kill", f":{port}", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "SIG" not in done.stdout + done.stderr
    assert "ended at once" in done.stdout
    assert server.poll() is None


def test_among_twenty_look_alikes_only_the_right_one_ends(programs: Programs) -> None:
    server, port = programs.serve()
    script = str(programs.folder / "shop.py")
    others = [programs.start("-c", "import time; time.sleep(600)", script, str(port)) for _ in range(20)]
    done = wd("kill", f":{port}", "--yes")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert f"port {port} is free" in done.stdout
    assert server.wait(10) is not None
    assert [one.pid for one in others if one.poll() is not None] == []


def test_children_end_with_their_server(programs: Programs) -> None:
    server, port = programs.serve(FAMILY, "family.py")
    wait_for(lambda: len(psutil.Process(server.pid).children()) == 2, "both children")
    children = psutil.Process(server.pid).children()
    done = wd("kill", f":{port}", "--yes")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "3 processes ended" in done.stdout
    assert not [one for one in children if one.is_running()]


def test_nothing_to_end_is_said_with_its_own_code(programs: Programs) -> None:
    server, port = programs.serve()
    server.kill()
    server.wait(10)
    assert wd("kill", f":{port}", "--yes").returncode == 4


def test_a_handle_holds_the_process_and_not_its_number(programs: Programs) -> None:
    from watchdog.system import holds, signals

    child = programs.start("-c", "import time; time.sleep(600)")
    held = holds.hold(child.pid)
    assert held is not None and not held.gone
    with signals.rehearsal():
        assert holds.send(held, signals.KILL) == "rehearsed"
    assert child.poll() is None
    assert holds.send(held, signals.KILL) == "sent"
    assert holds.wait_gone([held], 20) == ()
    assert holds.send(held, signals.KILL) == "gone"
    assert holds.hold(child.pid, held.identity) is None
    held.close()


def test_a_suspended_process_goes_on(programs: Programs, tmp_path: Path) -> None:
    from watchdog.system import holds, signals

    place = tmp_path / "count"
    code = f"import time\nwhile True:\n open({str(place)!r}, 'a').write('x'); time.sleep(0.05)"
    child = programs.start("-c", code)
    wait_for(place.exists, "it counts")
    held = holds.hold(child.pid)
    assert held is not None
    assert holds.send(held, signals.STOP) == "sent"
    time.sleep(0.3)
    before = place.stat().st_size
    time.sleep(0.5)
    assert place.stat().st_size == before
    assert holds.send(held, signals.CONT) == "sent"
    wait_for(lambda: place.stat().st_size > before, "it goes on")
    held.close()


def test_a_server_is_started_answers_and_outlives_wd(home: Home) -> None:
    home.service()
    done = home.wd("start", "shop")
    assert done.returncode == 0, told(done)
    assert listens(home.port)
    again = home.wd("kill", "shop", "--yes")
    assert again.returncode == 0, told(again)
    assert not listens(home.port)


LEAVES_AN_ORPHAN = """
middle = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]])"
subprocess.run([sys.executable, "-c", middle, os.path.join(os.getcwd(), "orphan")])
serve()
"""


def test_an_orphan_of_a_server_that_wd_started_ends_with_it(home: Home) -> None:
    """Its parent is gone: only the job tells whose it is."""
    home.service(LEAVES_AN_ORPHAN)
    started = home.wd("start", "shop")
    assert started.returncode == 0, told(started)
    (orphan,) = [one for one in processes_of(home.programs.folder) if one.cmdline()[-1].endswith("orphan")]
    assert not psutil.pid_exists(orphan.ppid())
    done = home.wd("kill", f":{home.port}", "--yes")
    assert done.returncode == 0, told(done)
    assert not orphan.is_running(), told(done)


def test_a_launcher_that_started_the_server_alone_ends_with_it(programs: Programs) -> None:
    """As `py.exe` and the `python.exe` of a virtual environment do: they wait for the real interpreter."""
    script, port = programs.script(), free_port()
    code = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))"
    launcher = programs.start("-c", code, str(script), str(port))
    wait_for(lambda: listens(port), "the server listens")
    done = wd("kill", f":{port}", "--yes")
    assert done.returncode == 0, told(done)
    assert "2 processes ended" in done.stdout, told(done)
    assert launcher.wait(20) is not None


def test_how_a_server_ended_is_said_in_words(home: Home) -> None:
    home.service(
        "model = b'x' * 80_000_000; print('the model does not fit', flush=True); time.sleep(2); os._exit(-1073741819)\n"
    )
    done = home.wd("start", "shop")
    assert done.returncode == 2, told(done)
    words = done.stdout + done.stderr
    assert "0xC0000005 (access violation" in words, told(done)
    assert "the model does not fit" in words
    shown = home.wd("status", "shop")
    most = re.search(r"at most ([0-9.]+) MiB", shown.stdout)
    assert most and float(most[1]) >= 76, told(shown)
