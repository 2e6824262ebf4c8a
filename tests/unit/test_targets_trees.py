"""Which processes are one server: drawn machines, no real process."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from watchdog.model.process import Identity, Listener, Manager, Process, Tree
from watchdog.system.host import managers, services
from watchdog.targets import ownership
from watchdog.targets.scene import Scene
from watchdog.targets.trees import grow_in

PYTHON = "/usr/bin/python3.11"


def process(
    pid: int,
    parent: int,
    *argv: str,
    session: int | None = None,
    uid: int = 1000,
    cgroup: str = "/",
    terminal: int = 0,
    born: float = 1000.0,
    exe: str | None = None,
    state: str = "S",
) -> Process:
    """A process; without `session` it leads its own."""
    binary = exe or (PYTHON if argv[0].startswith("python") else f"/usr/bin/{argv[0].rpartition('/')[2]}")
    return Process(
        identity=Identity("boot", pid, int(born * 100) + pid),
        parent=parent,
        name=argv[0].rpartition("/")[2][:15],
        state=state,
        session=pid if session is None else session,
        group=pid,
        terminal=terminal,
        uid=uid,
        user=str(uid),
        started=born,
        threads=1,
        rss=1,
        cpu_seconds=0.0,
        kernel=False,
        cmdline=argv,
        exe=binary,
        cwd="/srv",
        cgroup=cgroup,
    )


def listener(port: int, *holders: int, inode: int = 0) -> Listener:
    return Listener(port, "127.0.0.1", inode or port * 10, holders, 0, 128)


def tree(
    seeds: int | Sequence[int],
    processes: Sequence[Process],
    listeners: Sequence[Listener] = (),
    own: Sequence[int] = (),
) -> Tree:
    first = Process(
        identity=Identity("boot", 1, 0), parent=0, name="systemd", state="S", session=1, group=1, terminal=0, uid=0,
        user="root", started=0.0, threads=1, rss=1, cpu_seconds=0.0, kernel=False, cmdline=("/sbin/init",),
        exe="/usr/lib/systemd/systemd", cgroup="/init.scope",
    )  # fmt: skip
    table = {one.pid: one for one in (first, *processes)}
    return grow_in(Scene(table, listeners, own), [seeds] if isinstance(seeds, int) else seeds)


def roles(found: Tree) -> dict[int, str]:
    return {member.process.pid: member.role for member in found.members}


def test_a_single_server_below_a_shell_is_itself_and_the_shell_lives() -> None:
    shell = process(10, 9, "-bash", terminal=5, exe="/bin/bash")
    server = process(20, 10, "python", "server.py", session=10, terminal=5)
    editor = process(21, 10, "vim", "server.py", session=10, terminal=5)
    found = tree(20, [shell, server, editor], [listener(8000, 20)])
    assert roles(found) == {20: "main"}
    assert any(one.pid == 10 and "shell" in one.reason for one in found.left_out)


def test_a_master_and_its_workers_are_found_from_any_of_them() -> None:
    everybody = [
        process(20, 1, "python", "/bin/gunicorn", "shop:app"),
        process(21, 20, "python", "/bin/gunicorn", "shop:app", session=20),
        process(22, 20, "python", "/bin/gunicorn", "shop:app", session=20),
        process(23, 22, "sleep", "100", session=20),
    ]
    for seed in (20, 21, 22):
        found = tree(seed, everybody, [listener(8000, 20, 21, 22)])
        assert roles(found) == {20: "master", 21: "worker", 22: "worker", 23: "child"}
    assert found.framework == "gunicorn"


def test_workers_under_another_user_belong_to_their_master() -> None:
    everybody = [
        process(20, 1, "python", "/bin/gunicorn", "shop:app", uid=0),
        process(21, 20, "python", "/bin/gunicorn", "shop:app", session=20, uid=33),
    ]
    assert roles(tree(21, everybody, [listener(8000, 20, 21)])) == {20: "master", 21: "worker"}


def test_a_worker_with_a_session_of_its_own_belongs_to_its_master() -> None:
    everybody = [
        process(20, 1, "python", "/bin/gunicorn", "shop:app"),
        process(21, 20, "python", "/bin/gunicorn", "shop:app", session=21),
    ]
    assert roles(tree(21, everybody, [listener(8000, 20, 21)])) == {20: "master", 21: "worker"}


def test_a_reloader_is_the_root_of_what_it_reloads() -> None:
    everybody = [
        process(10, 9, "zsh", terminal=5),
        process(20, 10, "python", "manage.py", "runserver", session=10, terminal=5),
        process(21, 20, "python", "manage.py", "runserver", session=10, terminal=5),
    ]
    found = tree(21, everybody, [listener(8000, 21)])
    assert roles(found) == {20: "master", 21: "main"}
    assert found.framework == "django"


def test_a_launcher_of_one_server_is_its_root() -> None:
    everybody = [process(20, 1, "python", "launcher.py"), process(21, 20, "python", "server.py", session=20, born=5000)]
    assert roles(tree(21, everybody, [listener(8000, 21)])) == {20: "master", 21: "main"}


def test_a_launcher_keeps_the_helpers_that_it_started_together_with_the_server() -> None:
    everybody = [
        process(20, 1, "python", "launcher.py"),
        process(21, 20, "python", "server.py", session=20, born=1001),
        process(22, 20, "python", "mixer.py", session=20, born=1001),
    ]
    assert set(tree(21, everybody, [listener(8000, 21)]).pids) == {20, 21, 22}


def test_a_program_that_starts_servers_now_and_then_is_no_launcher_of_one() -> None:
    everybody = [
        process(20, 1, "python", "jobs.py"),
        process(21, 20, "python", "server.py", session=20, born=3000),
        process(22, 20, "python", "backup.py", session=20, born=9000),
    ]
    found = tree(21, everybody, [listener(8000, 21)])
    assert found.pids == (21,)
    assert any("other children" in one.reason for one in found.left_out)


def test_two_servers_of_one_launcher_are_two_servers() -> None:
    everybody = [
        process(20, 1, "python", "both.py"),
        process(21, 20, "python", "shop.py", session=20),
        process(22, 20, "python", "stock.py", session=20),
    ]
    sockets = [listener(8000, 21), listener(9000, 22)]
    assert tree(21, everybody, sockets).pids == (21,)
    assert tree(22, everybody, sockets).pids == (22,)


def test_a_sibling_with_a_session_of_its_own_is_spared() -> None:
    everybody = [
        process(20, 1, "python", "runner.py"),
        process(21, 20, "python", "server.py", session=21),
        process(22, 20, "python", "upstream.py", session=22),
    ]
    assert tree(21, everybody, [listener(8000, 21), listener(9000, 22)]).pids == (21,)


def test_a_parent_that_serves_a_port_of_its_own_is_another_server() -> None:
    everybody = [
        process(20, 1, "python", "notebook_kernel.py"),
        process(21, 20, "python", "server.py", session=20, born=2000),
    ]
    assert tree(21, everybody, [listener(8000, 21), listener(5555, 20)]).pids == (21,)


@pytest.mark.parametrize(
    "argv",
    [
        ("supervisord", "-c", "/etc/supervisord.conf"),
        ("python", "/usr/bin/supervisord", "-n"),
        ("python", "-m", "supervisor.supervisord"),
        ("circusd", "circus.ini"),
        ("runsv", "shop"),
        ("s6-supervise", "shop"),
        ("containerd-shim-runc-v2", "-id", "abc"),
        ("PM2 v5.3.0: God Daemon (/root/.pm2)",),
        ("tmux",),
        ("sshd: kim",),
        ("cron", "-f"),
        ("tini", "--", "python", "server.py"),
        ("python", "-m", "pytest", "tests"),
        ("python", "/usr/bin/pytest"),
        ("python", "-m", "ipykernel_launcher", "-f", "x.json"),
        ("python", "/usr/bin/airflow", "scheduler"),
        ("bash", "deploy.sh"),
        ("sh", "-c", "python server.py"),
        ("java", "-jar", "agent.jar"),
        ("python", "-m", "watchdog.system.shim.program", "x"),
    ],
)
def test_managers_shells_and_runners_are_never_part_of_a_server(argv: tuple[str, ...]) -> None:
    everybody = [process(20, 1, *argv), process(21, 20, "python", "server.py", session=20)]
    assert tree(21, everybody, [listener(8000, 21)]).pids == (21,)


@pytest.mark.parametrize("script", ["watch.py", "task.py", "/srv/shop/at.py", "./monit.py"])
def test_a_script_with_the_name_of_a_tool_is_the_launcher_of_its_server(script: str) -> None:
    everybody = [process(20, 1, "python", script), process(21, 20, "python", "server.py", session=20)]
    assert roles(tree(21, everybody, [listener(8000, 21)])) == {20: "master", 21: "main"}


def test_another_user_and_another_control_group_end_the_climb() -> None:
    server = process(21, 20, "python", "server.py", session=20)
    for parent in (
        process(20, 1, "python", "up.py", uid=0),
        process(20, 1, "python", "up.py", cgroup="/other.service"),
    ):
        assert tree(21, [parent, server], [listener(8000, 21)]).pids == (21,)


def test_our_own_ancestors_are_spared_even_when_they_look_like_a_launcher() -> None:
    everybody = [process(20, 1, "python", "launcher.py"), process(21, 20, "python", "server.py", session=20)]
    found = tree(21, everybody, [listener(8000, 21)], own=[20])
    assert found.pids == (21,)
    assert any("wd itself or what started it" in one.reason for one in found.left_out)


def test_the_session_of_the_root_goes_with_it_orphans_included() -> None:
    everybody = [
        process(20, 1, "python", "server.py"),
        process(30, 1, "ffmpeg", "-i", "x", session=20),
        process(31, 30, "ffmpeg", "-i", "y", session=31),
    ]
    assert roles(tree(20, everybody, [listener(8000, 20)])) == {20: "main", 30: "orphan", 31: "orphan"}


def test_the_session_of_a_shell_is_never_taken() -> None:
    everybody = [
        process(10, 9, "bash", terminal=5),
        process(20, 10, "python", "server.py", session=10, terminal=5),
        process(30, 1, "rsync", session=10, terminal=5),
    ]
    assert tree(20, everybody, [listener(8000, 20)]).pids == (20,)


def test_orphans_that_share_a_socket_are_one_server() -> None:
    everybody = [
        process(20, 1, "python", "server.py", session=7),
        process(21, 1, "python", "server.py", session=7),
        process(22, 1, "python", "stranger.py", session=7),
    ]
    assert roles(tree(21, everybody, [listener(8000, 20, 21)])) == {20: "orphan", 21: "orphan"}


def test_listeners_of_one_port_under_one_parent_are_one_server() -> None:
    everybody = [
        process(20, 1, "python", "pool.py"),
        process(21, 20, "python", "pool.py", session=20),
        process(22, 20, "python", "pool.py", session=20),
    ]
    sockets = [listener(8000, 21, inode=1), listener(8000, 22, inode=2)]
    assert roles(tree(21, everybody, sockets)) == {20: "master", 21: "worker", 22: "worker"}


def test_unrelated_listeners_of_one_port_are_two_servers() -> None:
    everybody = [process(21, 1, "python", "a.py"), process(22, 1, "python", "b.py")]
    sockets = [listener(8000, 21, inode=1), listener(8000, 22, inode=2)]
    assert tree(21, everybody, sockets).pids == (21,)


def test_a_manager_that_hands_out_its_socket_is_spared_and_named() -> None:
    everybody = [process(20, 1, "circusd", "circus.ini"), process(21, 20, "python", "server.py", session=20)]
    found = tree([20, 21], everybody, [listener(8000, 20, 21)])
    assert found.pids == (21,)
    assert str(found.manager) == "circus"
    assert any(one.pid == 20 and "circus" in one.reason for one in found.left_out)


def test_a_manager_named_on_purpose_is_alone() -> None:
    everybody = [process(20, 1, "supervisord"), process(21, 20, "python", "server.py", session=21)]
    assert tree(20, everybody, [listener(9001, 20), listener(8000, 21)]).pids == (20,)


def test_trackers_of_multiprocessing_do_not_keep_a_launcher_out() -> None:
    tracker = "from multiprocessing.resource_tracker import main;main(5)"
    everybody = [
        process(10, 9, "bash", terminal=5),
        process(20, 10, "python", "run.py", session=10, terminal=5),
        process(21, 20, "python", "-c", tracker, session=10, terminal=5),
        process(22, 20, "python", "-c", "from multiprocessing.spawn import spawn_main", session=10, terminal=5),
    ]
    assert roles(tree(22, everybody, [listener(8000, 22)])) == {20: "master", 21: "child", 22: "main"}


def test_what_another_wd_looks_after_is_not_taken_with_its_parent() -> None:
    everybody = [
        process(20, 1, "python", "server.py"),
        process(30, 20, "python", "-m", "watchdog.system.shim.program", "--service", "other", session=30),
        process(31, 30, "python", "other.py", session=31),
    ]
    assert tree(20, everybody, [listener(8000, 20), listener(9000, 31)]).pids == (20,)


def test_what_the_shim_adopted_belongs_to_its_service() -> None:
    everybody = [
        process(30, 1, "python", "-m", "watchdog.system.shim.program", "--service", "shop"),
        process(31, 30, "python", "server.py", session=31),
        process(32, 30, "python", "escaped.py", session=32),
    ]
    found = tree(31, everybody, [listener(8000, 31)])
    assert set(found.pids) == {31, 32}
    assert str(found.manager) == "wd:shop"
    assert found.service == "shop"


def test_a_systemd_service_is_named_and_a_login_session_is_none() -> None:
    unit = process(20, 1, "python", "server.py", cgroup="/system.slice/shop.service")
    assert str(tree(20, [unit], [listener(8000, 20)]).manager) == "systemd:shop.service"
    own = process(
        20, 1, "python", "server.py", cgroup="/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service"
    )
    assert str(tree(20, [own], [listener(8000, 20)]).manager) == "systemd-user:shop.service"
    login = process(20, 1, "python", "server.py", cgroup="/user.slice/user-1000.slice/session-3.scope")
    assert tree(20, [login], [listener(8000, 20)]).manager is None


def test_a_manager_is_seen_through_its_run_script_but_not_through_a_launcher() -> None:
    script = [
        process(20, 1, "runsv", "shop"),
        process(21, 20, "sh", "./run"),
        process(22, 21, "python", "s.py", session=21),
    ]
    assert str(tree(22, script, [listener(8000, 22)]).manager) == "runit:shop"
    between = [process(20, 1, "runsv", "shop"), process(21, 20, "tmux"), process(22, 21, "python", "s.py", session=22)]
    assert tree(22, between, [listener(8000, 22)]).manager is None


def test_a_container_is_named_from_outside() -> None:
    name = "0123456789abcdef" * 4
    everybody = [
        process(20, 1, "containerd-shim-runc-v2", "-id", name, cgroup="/system.slice/docker.service"),
        process(21, 20, "python", "server.py", cgroup=f"/system.slice/docker-{name}.scope"),
    ]
    assert str(tree(21, everybody, [listener(8000, 21)]).manager) == "docker:0123456789ab"


def test_zombies_are_no_members() -> None:
    everybody = [process(20, 1, "python", "server.py"), process(21, 20, "python", "x", session=20, state="Z")]
    assert tree(20, everybody, [listener(8000, 20)]).pids == (20,)


def test_what_is_not_there_grows_no_tree() -> None:
    assert tree(77, []).members == ()


def test_a_master_without_a_port_is_the_root_of_its_forked_workers() -> None:
    everybody = [
        process(10, 9, "bash", terminal=5),
        process(20, 10, "gunicorn: master [shop:app]", session=10, terminal=5, exe=PYTHON),
        process(21, 20, "gunicorn: worker [shop:app]", session=10, terminal=5, exe=PYTHON, born=3000),
        process(22, 20, "gunicorn: worker [shop:app]", session=10, terminal=5, exe=PYTHON, born=4000),
        process(23, 20, "sleep", "1", session=10, terminal=5, born=5000),
    ]
    assert roles(tree(22, everybody)) == {20: "master", 21: "child", 22: "child", 23: "child"}


def test_a_server_that_is_the_first_process_of_its_container_is_found_whole() -> None:
    everybody = [
        process(1, 0, "python", "-m", "gunicorn", "shop:app"),
        process(7, 1, "python", "-m", "gunicorn", "shop:app", session=1),
    ]
    assert roles(tree(7, everybody, [listener(8000, 1, 7)])) == {1: "master", 7: "worker"}
    alone = [process(1, 0, "python", "init.py"), process(7, 1, "python", "server.py", session=1)]
    assert tree(7, alone, [listener(8000, 7)]).pids == (7,)


def test_a_server_that_was_put_into_a_container_from_outside_keeps_its_children() -> None:
    everybody = [process(20, 0, "python", "server.py"), process(21, 20, "sleep", "9", session=20)]
    assert tree(20, everybody, [listener(8000, 20)]).pids == (20, 21)


@pytest.mark.parametrize("wrappers", [(), ("nssm.exe",), ("shop-service.exe",)])
def test_a_service_of_windows_is_named_also_behind_its_wrapper(
    wrappers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "names_of", lambda pid: ("Shop",) if pid == 30 else ())
    chain = [process(20, 4, "services.exe"), *(process(30, 20, name) for name in wrappers)]
    server = process(31 if wrappers else 30, chain[-1].pid, "python", "server.py")
    found = tree(server.pid, [*chain, server], [listener(8000, server.pid)])
    assert found.pids == (server.pid,)
    assert found.manager is not None
    assert (found.manager.kind, found.manager.name, found.manager.child) == ("service", "Shop", 30)


@pytest.mark.parametrize("named", [(), ("Shop", "Bakery")])
def test_a_process_of_no_service_or_of_several_gets_no_order(
    named: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "names_of", lambda pid: named)
    everybody = [process(20, 4, "services.exe"), process(30, 20, "python", "server.py", uid=0)]
    found = ownership.ask(tree(30, everybody, [listener(8000, 30)]))
    assert found.orders is None
    assert "service" in found.problem


def test_a_service_is_stopped_and_started_through_the_service_manager() -> None:
    orders = managers.orders(managers.parse("service:Shop Web"))
    assert orders is not None
    assert (orders.stop, orders.start) == (("sc", "stop", "Shop Web"), ("sc", "start", "Shop Web"))
    assert managers.orders(Manager("service", "\\\\other\\Shop")) is None
