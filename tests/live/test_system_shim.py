"""The process between wd and a service: the server comes back whatever becomes of wd, once, and clean."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from services import Service, service
from support import SERVERS, alive, connects, free_port, wait_for

from watchdog.model.playbook import Start
from watchdog.model.process import Identity
from watchdog.starting import launch
from watchdog.steps.start import start
from watchdog.system.disk import files
from watchdog.system.net import ports
from watchdog.system.process import processes

CUTS = int(os.environ.get("WD_CUTS", "8"))
KINDS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def answering_pid(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as reply:
            return int(json.load(reply)["pid"])
    except (OSError, ValueError):
        return 0


def cut_off(shop: Service, *more: str) -> subprocess.Popen[str]:
    """What stands for wd, in a process of its own that can be ended."""
    argv = [sys.executable, str(SERVERS / "cut_off.py"), str(shop.folder), str(shop.port), *more]
    argv += shop.playbook.start.command
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=env, start_new_session=True)


def read_until(child: subprocess.Popen[str], word: str) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"it ended before it said {word!r}")


@pytest.mark.parametrize("round", range(CUTS))
def test_wd_ended_between_kill_and_start_leaves_the_server_running_once(folder: Path, round: int) -> None:
    words = () if round % 8 < 4 else ("--ignore-term",)
    with service(folder, *words) as shop:
        first = shop.run(start, shop.context(in_runbook=True))
        assert first.outcome == "ok", first.message
        (old,) = shop.copies()
        wd = cut_off(shop)
        read_until(wd, "kill")
        time.sleep(random.uniform(0, 0.5 if words else 0.25))
        wd.send_signal(KINDS[round % 4])
        wd.wait(60)
        wd.stdout.close()  # type: ignore[union-attr]
        wait_for(lambda: answering_pid(shop.port) not in (0, old), "a new server answers")
        wait_for(lambda: not alive(old), "the old one is gone")
        wait_for(lambda: len([one for one in shop.records() if not one.error]) == 2, "its start is noted")
        assert len(shop.copies()) == 1
        assert [one.error for one in shop.records()] == ["", ""]


def test_a_second_wd_right_after_the_death_of_the_first_starts_no_second_copy(folder: Path) -> None:
    with service(folder) as shop:
        shop.run(start, shop.context(in_runbook=True))
        (old,) = shop.copies()
        wd = cut_off(shop, "--wait")
        read_until(wd, "killed")
        assert not alive(old)
        wd.kill()
        found = shop.run(start, shop.context(in_runbook=True))
        wd.wait(60)
        wd.stdout.close()  # type: ignore[union-attr]
        assert found.outcome == "ok", found.message
        wait_for(lambda: answering_pid(shop.port), "it answers")
        assert len(shop.copies()) == 1


def test_a_shim_that_comes_late_does_not_undo_what_was_done_since(folder: Path) -> None:
    """Its wd died, another wd started the server, and a person has stopped it again."""
    with service(folder) as shop:
        late = launch.arm(shop.playbook.start, "shop", shop.state, port=shop.port)
        assert shop.run(start, shop.context(in_runbook=True)).outcome == "ok"
        for pid in shop.copies():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: shop.records()[-1].ended, "its end is noted")
        late.leave_alone()
        wait_for(lambda: not alive(late.pid), "the late one gives up")
        assert not shop.copies()
        assert "another wd has started it meanwhile" in shop.records()[-1].error


def test_eight_starts_at_once_start_one_server(folder: Path) -> None:
    with service(folder) as shop:
        shims = [launch.arm(shop.playbook.start, "shop", shop.state, port=shop.port) for _ in range(8)]
        results: list[str] = []
        threads = [threading.Thread(target=lambda one=one: results.append(one.start().outcome)) for one in shims]
        for thread in threads:
            thread.start()
        wait_for(lambda: "done" in results, "one of them starts it")
        for shim in shims:
            if shim.identity is not None:
                wait_for(lambda: answering_pid(shop.port), "it answers")
                shim.done()
        for thread in threads:
            thread.join(60)
        for shim in shims:
            shim.cancel()
        assert results.count("done") == 1 and results.count("refused") == 7
        assert len(shop.copies()) == 1


def test_a_server_outlives_the_wd_that_started_it_with_its_output_and_without_its_locks(folder: Path) -> None:
    """The usual accident: a chatty server that dies of a pipe whose reader is gone, or a lock that it inherited."""
    lock = folder / "lock"
    chatty = folder / "chatty.py"
    chatty.write_text("import time\nwhile True:\n    print('x' * 1000, flush=True)\n    time.sleep(0.01)\n")
    code = (
        "import fcntl, os, pathlib, sys, time\n"
        "from watchdog.model.playbook import Start\nfrom watchdog.starting import launch\n"
        f"held = open({str(lock)!r}, 'w'); fcntl.flock(held, fcntl.LOCK_EX)\n"
        f"spec = Start(command=(sys.executable, {str(chatty)!r}), cwd='/')\n"
        f"shim = launch.arm(spec, 'chatty', pathlib.Path({str(folder)!r}))\n"
        "print(shim.start().pid, flush=True); shim.done(); time.sleep(600)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    wd = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=env)
    assert wd.stdout is not None
    pid = int(wd.stdout.readline())
    try:
        wd.kill()
        wd.wait()
        log = folder / "shim" / "chatty" / "start.log"
        before = log.stat().st_size
        wait_for(lambda: log.stat().st_size > before + 5000, "it goes on talking")
        assert alive(pid)
        done = subprocess.run(["flock", "-n", str(lock), "true"], check=False)
        assert done.returncode == 0, "the lock of wd is free"
        assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    finally:
        wd.stdout.close()
        os.kill(pid, signal.SIGKILL)


def launched(folder: Path, code: str, **more: object) -> tuple[launch.Shim, int]:
    spec = Start(command=(sys.executable, "-c", code), cwd=str(folder), **more)  # type: ignore[arg-type]
    assert launch.check_command(spec) == ""
    shim = launch.arm(spec, "thing", folder)
    result = shim.start()
    assert result.outcome == "done" and result.pid, result.message
    return shim, result.pid


def finished(folder: Path) -> launch.ShimRecord:
    wait_for(lambda: any(one.ended for one in launch.records(folder, "thing")), "its end is noted")
    return launch.records(folder, "thing")[-1]


def test_the_end_of_a_service_is_noted_with_code_memory_and_last_words(folder: Path) -> None:
    shim, pid = launched(folder, "import sys; x = bytearray(80_000_000); print('first'); sys.exit('out of luck')")
    record = finished(folder)
    assert (record.pid, record.code, record.signal) == (pid, 1, None)
    assert record.last_lines == ("first", "out of luck") or record.last_lines[-1] == "first"
    assert "out of luck" in record.last_lines
    assert record.peak_rss is not None and record.peak_rss > 80_000_000
    assert record.ended is not None and record.ended >= record.started
    shim.look()
    assert shim.end is not None and shim.end["code"] == 1
    shim.done()
    wait_for(lambda: not alive(shim.pid), "the shim goes with its service")


def test_death_by_a_signal_is_noted_too(folder: Path) -> None:
    shim, _ = launched(folder, "import os; os.kill(os.getpid(), 11)")
    record = finished(folder)
    assert (record.code, record.signal) == (None, 11)
    shim.done()


def test_the_words_of_an_earlier_start_are_not_taken_for_those_of_the_last(folder: Path) -> None:
    first, _ = launched(folder, "print('old')")
    finished(folder)
    first.done()
    second, _ = launched(folder, "pass")
    wait_for(lambda: len([one for one in launch.records(folder, "thing") if one.ended]) == 2, "both ended")
    assert [one.last_lines for one in launch.records(folder, "thing")] == [("old",), ()]
    second.done()


def test_a_service_starts_with_declared_surroundings_and_nothing_of_ours(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "x")
    (folder / "env").write_text("# more\nexport FROM_FILE='a b'\nBOTH=file\n")
    (folder / "env").chmod(0o600)
    before = os.umask(0o077)
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        code = (
            "import json, os, signal, sys\n"
            "names = [name for name in os.listdir('/proc/self/fd')]\n"
            "umask = os.umask(0)\n"
            "ignored = [n for n in (1, 2, 15) if signal.getsignal(n) == signal.SIG_IGN]\n"
            "print(json.dumps([dict(os.environ), os.getcwd(), umask, ignored, len(names), sys.stdin.read(),\n"
            "                  os.getsid(0) == os.getpid()]))"
        )
        shim, _ = launched(folder, code, env=(("OWN", "1"), ("BOTH", "env")), env_file=str(folder / "env"))
    finally:
        os.umask(before)
        signal.signal(signal.SIGHUP, previous)
    env, cwd, umask, ignored, descriptors, stdin, leads = json.loads(finished(folder).last_lines[-1])
    shim.done()
    offered = {"PATH", "HOME", "LANG", "USER", "LOGNAME", "NOTIFY_SOCKET"}
    assert set(env) - {"LC_CTYPE"} == {*offered, "OWN", "BOTH", "FROM_FILE"}
    assert (env["FROM_FILE"], env["BOTH"], env["OWN"]) == ("a b", "env", "1")
    assert (cwd, umask, ignored, stdin, leads) == (str(folder), 0o022, [], "", True)
    assert descriptors <= 4  # the three streams, and the one that lists them


@pytest.mark.root
def test_a_service_runs_as_its_own_user_who_gets_no_more_by_its_log(folder: Path) -> None:
    """A log that is a link to root's file must not be written by root on behalf of that user."""
    folder.chmod(0o777)
    for parent in folder.parents[:3]:
        parent.chmod(0o755)
    precious = folder / "precious"
    precious.write_text("root's")
    precious.chmod(0o600)
    (folder / "link").symlink_to(precious)
    plain = Start(
        command=("/bin/sh", "-c", "id -u; id -G; echo $HOME"), cwd="/", user="nobody", log=str(folder / "log")
    )
    shim = launch.arm(plain, "thing", folder)
    assert shim.start().outcome == "done"
    assert finished(folder).last_lines[:1] == ("65534",)
    shim.done()
    assert (folder / "log").stat().st_uid == 65534
    trap = Start(command=("/bin/echo", "hello"), cwd="/", user="nobody", log=str(folder / "link"))
    shim = launch.arm(trap, "trap", folder)
    assert shim.start().outcome == "done"  # a bad log is not a reason to leave a server down
    shim.done()
    wait_for(lambda: not alive(shim.pid), "it is over")
    assert precious.read_text() == "root's"
    assert "declared log is not used" in (folder / "shim" / "trap" / "start.log").read_text()


def test_a_start_script_that_leaves_the_server_in_the_background_is_fine(folder: Path) -> None:
    port = free_port()
    script = folder / "start.sh"
    script.write_text(f"#!/bin/sh\n{sys.executable} {SERVERS / 'plain.py'} {port} &\nexit 0\n")
    script.chmod(0o700)
    spec = Start(command=(str(script),), cwd=str(folder))
    shim = launch.arm(spec, "thing", folder, port=port)
    first = shim.start()
    wait_for(lambda: connects(port), "it listens")
    wait_for(lambda: (shim.look(), shim.identity)[1] != first.identity, "the shim tells of the server behind it")
    assert shim.end is None and shim.identity is not None
    heir = shim.identity.pid
    try:
        assert heir in {pid for one in ports.listeners(port) for pid in one.holders}
        record = launch.records(folder, "thing")[-1]
        assert (record.pid, record.ended) == (heir, None)
        shim.done()
    finally:
        os.kill(heir, signal.SIGTERM)
    assert finished(folder).signal == signal.SIGTERM


def test_every_orphan_of_a_service_is_taken_in_and_reaped(folder: Path) -> None:
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        print(os.getpid(), os.getppid(), flush=True); time.sleep(600)\n"
        "    os._exit(0)\n"
        "time.sleep(600)"
    )
    shim, pid = launched(folder, code)
    shim.done()
    log = folder / "shim" / "thing" / "start.log"
    try:
        wait_for(lambda: len(log.read_text().split()) == 2, "the orphan speaks")
        orphan = int(log.read_text().split()[0])
        wait_for(lambda: (one := processes.read(orphan)) and one.parent == shim.pid, "the shim is its parent")
        os.kill(orphan, signal.SIGKILL)
        wait_for(lambda: processes.read(orphan) is None, "it is taken away")
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(shim.pid), "the shim ends with the last of them")


def test_nothing_is_started_beside_a_process_that_should_be_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survivor = subprocess.Popen(["sleep", "600"])
    try:
        found = processes.read(survivor.pid)
        assert found is not None
        spec = Start(command=("/bin/true",), cwd="/")
        shim = launch.arm(spec, "thing", folder, [found.identity])
        result = shim.start()
        assert result.outcome == "refused" and f"{survivor.pid} is still there" in result.message
        shim.cancel()
        wait_for(lambda: not alive(shim.pid), "the shim goes")
        assert not [one for one in launch.records(folder, "thing") if not one.error]
    finally:
        survivor.kill()
        survivor.wait()


def test_what_cannot_be_executed_is_told_at_once(folder: Path) -> None:
    shim = launch.arm(Start(command=("/nonexistent/program",), cwd="/"), "thing", folder)
    result = shim.start()
    assert result.outcome == "failed" and "No such file" in result.message
    shim.cancel()
    wait_for(lambda: not alive(shim.pid), "the shim goes")
    assert "No such file" in launch.records(folder, "thing")[-1].error


def test_a_shim_that_was_called_off_starts_nothing(folder: Path) -> None:
    gone = Identity(processes.boot_id(), 4_000_000, 1)
    shim = launch.arm(Start(command=("/bin/true",), cwd="/"), "thing", folder, [gone])
    shim.cancel()
    wait_for(lambda: not alive(shim.pid), "the shim goes")
    assert launch.records(folder, "thing") == ()


def test_a_shim_left_alone_falls_back_when_the_first_command_dies(folder: Path) -> None:
    port = free_port()
    spec = Start(
        command=(sys.executable, "-c", "raise SystemExit('broken')"),
        fallback=(sys.executable, str(SERVERS / "plain.py"), str(port)),
        cwd=str(folder),
    )
    shim = launch.arm(spec, "thing", folder, port=port)
    shim.leave_alone()
    wait_for(lambda: connects(port), "the fallback listens")
    record = launch.records(folder, "thing")[-1]
    os.kill(record.pid, signal.SIGKILL)
    assert "broken" in "".join(launch.records(folder, "thing")[0].last_lines)
    wait_for(lambda: not alive(shim.pid), "the shim goes with it")


def test_after_a_death_the_process_that_looked_after_the_server_starts_it_again(folder: Path) -> None:
    """It needs no new interpreter for that. It waits two seconds only, so a busy machine may be too late for it."""
    with service(folder) as shop:
        shop.run(start, shop.context(in_runbook=True))
        for _ in range(5):
            (old,) = shop.copies()
            os.kill(old, signal.SIGKILL)
            wait_for(lambda old=old: not alive(old), "it is dead")  # type: ignore[misc]
            shim = launch.arm(shop.playbook.start, "shop", shop.state, port=shop.port)
            assert shim.start().outcome == "done"
            shim.done()
            wait_for(lambda: answering_pid(shop.port) != 0, "the next one answers")
            first, second = shop.records()[-2:]
            assert first.signal == signal.SIGKILL and second.ended is None
            if first.shim_pid == second.shim_pid:
                break
        else:
            raise AssertionError("another process started it each time")
        assert len(shop.copies()) == 1


def test_a_server_started_by_the_one_that_stood_by_comes_up_also_if_wd_dies(folder: Path) -> None:
    with service(folder) as shop:
        shop.run(start, shop.context(in_runbook=True))
        (old,) = shop.copies()
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: not alive(old), "it is dead")
        launch.arm(shop.playbook.start, "shop", shop.state, port=shop.port).leave_alone()
        wait_for(lambda: answering_pid(shop.port) != 0, "it is started all the same")
        assert len(shop.copies()) == 1 and len(shop.records()) == 2


def test_one_that_stands_by_and_does_not_react_is_passed_over_and_starts_no_second_copy(folder: Path) -> None:
    with service(folder) as shop:
        shop.run(start, shop.context(in_runbook=True))
        (old,), stopped = shop.copies(), shop.records()[-1].shim_pid
        os.kill(old, signal.SIGKILL)
        post = files.runtime_folder() / f"shim-{stopped}"
        wait_for(lambda: post.exists() or not alive(stopped), "it stands by")
        os.kill(stopped, signal.SIGSTOP)
        try:
            shim = launch.arm(shop.playbook.start, "shop", shop.state, port=shop.port)
            assert shim.pid != stopped and shim.start().outcome == "done"
            shim.done()
        finally:
            os.kill(stopped, signal.SIGCONT)
        wait_for(lambda: not alive(stopped), "it goes")
        wait_for(lambda: answering_pid(shop.port) != 0, "the new one answers")
        assert len(shop.copies()) == 1 and len(shop.records()) == 2


def test_who_stood_by_in_vain_goes_and_leaves_nothing(folder: Path) -> None:
    with service(folder) as shop:
        shop.run(start, shop.context(in_runbook=True))
        shim = shop.records()[-1].shim_pid
        os.kill(shop.copies()[0], signal.SIGKILL)
        wait_for(lambda: not alive(shim), "it goes")
        assert not list(files.runtime_folder().glob(f"shim-{shim}"))
