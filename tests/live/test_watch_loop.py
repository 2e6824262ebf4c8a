"""`wd watch` on real servers: who hangs or dies comes back by itself, and nobody else is touched."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from support import alive, wait_for
from watching import Home, Service


def is_back(service: Service, before: int) -> None:
    wait_for(lambda: service.pid() not in (0, before), f"a new {service.name} answers", 90)


def is_calm(service: Service, pid: int, seconds: float) -> None:
    """It stays the same process for this time: there is no other way to see that nothing happens."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert alive(pid), "a server was ended that should not"
        time.sleep(0.1)
    assert service.starts() == [pid]


def test_a_stopped_server_is_brought_back(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemon = home.watch()
    daemon.hears("watching")
    os.kill(before, signal.SIGSTOP)
    is_back(shop, before)
    daemon.hears("recovered")
    assert not alive(before)
    assert len(shop.living()) == 1
    (incident,) = home.incidents()
    assert (incident["outcome"], incident["old_pids"]) == ("recovered", [before])
    assert Path(incident["report"]).is_file()


def test_a_server_whose_threads_all_hang_is_brought_back(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    home.watch()
    shop.tell("hang")
    wait_for(lambda: not alive(before), "the hung server is ended", 60)
    shop.tell("hang", None)
    is_back(shop, before)


def test_a_server_that_hung_before_we_came_is_found(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    os.kill(before, signal.SIGSTOP)
    home.watch()
    is_back(shop, before)


def test_a_server_that_dies_is_started_again_at_once(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemon = home.watch()
    wait_for(lambda: "watching" in daemon.said, "it watches")
    os.kill(before, signal.SIGKILL)
    home.started[0].wait(30)
    is_back(shop, before)
    daemon.hears("recovered")
    assert home.incidents()[0]["trigger"].startswith(("death", "probe"))


def test_slow_answers_within_the_limit_are_no_reason_to_end_a_server(home: Home) -> None:
    shop = home.service()
    shop.tell("slow", 0.5)
    before = shop.start()
    home.watch()
    is_calm(shop, before, 4.0)


def test_a_server_that_loads_for_long_is_not_ended_while_it_loads(home: Home) -> None:
    shop = home.service()
    shop.playbook["policy"]["grace"] = "60s"
    shop.write()
    shop.tell("load", 4.0)
    home.watch()
    wait_for(lambda: shop.pid() != 0, "it is up", 60)
    assert len(shop.starts()) == 1, "started once, and left in peace while it was loading"


def test_observe_says_what_would_be_done_and_touches_nothing(home: Home) -> None:
    shop = home.service()
    shop.playbook["policy"]["mode"] = "observe"
    shop.write()
    before = shop.start()
    daemon = home.watch()
    shop.tell("down")
    daemon.hears("would run bring-back")
    assert alive(before)
    assert daemon.said.count("would run") == 1, "once for each trouble"
    assert home.incidents() == []


def test_ask_without_a_terminal_only_records(home: Home) -> None:
    shop = home.service()
    shop.playbook["policy"]["mode"] = "ask"
    shop.write()
    before = shop.start()
    daemon = home.watch()
    shop.tell("down")
    daemon.hears("asks whether to run bring-back")
    is_calm(shop, before, 1.0)


def test_what_a_person_stopped_stays_stopped(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemon = home.watch()
    assert home.wd("stop", "--service", "shop").code == 0
    home.started[0].wait(30)
    daemon.hears("wants it stopped")
    assert shop.starts() == [before]
    assert home.wd("start", "--service", "shop").code == 0
    is_back(shop, before)
    assert [one["trigger"].partition(":")[0] for one in home.incidents()] == ["person", "person"]


@pytest.mark.parametrize("by", ["service", "port"])
@pytest.mark.parametrize(("mode", "then"), [("act", "restarts"), ("observe", "stays-down")])
def test_a_kill_by_hand_says_what_the_loop_does_next_and_so_it_does(home: Home, by: str, mode: str, then: str) -> None:
    shop = home.service()
    shop.playbook["policy"] |= {"mode": mode}
    shop.write()
    before = shop.start()
    home.watch()
    word = {"service": shop.name, "port": str(shop.port)}[by]
    done = home.wd("kill", f"--{by}", word, "--yes", "-o", "json")
    assert (done.code, json.loads(done.out.splitlines()[-1])["next"]) == (0, then), done
    if then == "restarts":
        is_back(shop, before)
    else:
        assert home.wd("status", "-o", "json").out.count('"desired": "stopped"') == 1


def test_a_snoozed_service_is_left_alone_and_resume_ends_that(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    assert home.wd("snooze", "--service", "shop", "--for", "1h").code == 0
    daemon = home.watch()
    os.kill(before, signal.SIGSTOP)
    daemon.hears("wants it snoozed")
    assert alive(before)
    assert home.wd("resume", "--service", "shop").code == 0
    is_back(shop, before)


def test_sigterm_ends_the_loop_and_services_live_on(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemon = home.watch()
    os.kill(before, signal.SIGSTOP)
    is_back(shop, before)
    daemon.hears("recovered")
    now = shop.pid()
    assert daemon.stop() == 0
    assert shop.pid() == now


def test_it_ends_at_once_while_probes_hang_and_a_run_is_under_way(home: Home) -> None:
    shop = home.service()
    shop.playbook["probes"]["health"].update(timeout="60s", every="1s")
    shop.write()
    shop.start()
    shop.tell("hang")
    daemon = home.watch()
    wait_for(lambda: shop.answers(0.2) == "", "it hangs")
    begun = time.monotonic()
    daemon.stop()
    assert time.monotonic() - begun < 30, "the probe's minute was not waited for"


def test_a_reload_takes_up_new_services_and_a_broken_file_keeps_the_old(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemon = home.watch()
    other = home.service("other")
    second = other.start()
    daemon.signal(signal.SIGHUP)
    daemon.hears("playbooks read again: 2 services")
    os.kill(second, signal.SIGSTOP)
    is_back(other, second)
    good = shop.file.read_text()
    shop.file.write_text("service: shop\nfind: {prt: 1}\n")
    daemon.signal(signal.SIGHUP)
    daemon.hears("the old ones stay")
    assert "prt" in daemon.said
    shop.file.write_text(good)
    os.kill(before, signal.SIGSTOP)
    is_back(shop, before)


def test_a_hung_probe_delays_no_other_service(home: Home) -> None:
    slow, quick = home.service("slow"), home.service("quick")
    slow.playbook["probes"]["health"].update(timeout="100s", every="200ms")
    slow.write()
    slow.start()
    before = quick.start()
    slow.tell("hang")
    home.watch()
    os.kill(before, signal.SIGSTOP)
    is_back(quick, before)


def test_a_crash_loop_is_named_and_stopped_with_one_report(home: Home) -> None:
    shop = home.service()
    shop.playbook["policy"]["backoff"] = {"first": "200ms", "max": "1s"}
    shop.write()
    shop.tell("die", 1.5)
    shop.start()
    daemon = home.watch()
    daemon.hears("gives up: it died", 120)
    daemon.hears("give-up: done", 120)
    assert len(shop.starts()) <= 4
    count = len(shop.starts())
    daemon.hears("give-up")
    incidents = home.incidents()
    assert sum(one["runbook"] == "give-up" for one in incidents) == 1
    assert "after each start" in Path(incidents[0]["report"]).read_text()
    daemon.stop()
    again = home.watch()
    again.hears("gave up", 60)
    assert len(shop.starts()) == count, "remembered across a restart of wd"


def test_a_wrong_program_is_told_before_anything_is_restarted(home: Home) -> None:
    shop = home.service()
    shop.playbook["find"]["cmdline"] = "the-real-one.py"
    shop.write()
    before = shop.start()
    daemon = home.watch()
    daemon.hears("another program runs there")
    daemon.hears("give-up: done")
    assert alive(before)
    assert [one["runbook"] for one in home.incidents()] == ["give-up"]


def test_most_services_failing_at_once_have_one_cause_and_are_left_alone(home: Home) -> None:
    services = [home.service(f"s{number}") for number in range(4)]
    pids = [service.start() for service in services]
    daemon = home.watch()
    wait_for(lambda: all(service.pid() for service in services), "all answer")
    for service in services:
        service.tell("down")
    daemon.hears("services failed at once")
    for _ in range(3):
        daemon.hears("one cause elsewhere")
    assert sum(alive(pid) for pid in pids) >= 3, "at most one was restarted"
    for service in services:
        service.tell("down", None)


def test_trouble_of_wd_itself_never_ends_a_server(home: Home) -> None:
    """Out of descriptors: every question fails, and none of it is the server's fault."""
    shop = home.service()
    before = shop.start()
    daemon = home.watch(limit="ulimit -n 24")
    is_calm(shop, before, 3.0)
    assert "trouble" not in daemon.said


def test_a_proxy_variable_ends_no_server(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    home.watch(env={"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"})
    is_calm(shop, before, 2.0)


def test_a_loop_that_was_stopped_itself_discards_what_it_missed(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemon = home.watch()
    for _ in range(3):
        daemon.signal(signal.SIGSTOP)
        time.sleep(1.6)  # longer than any gap that is overlooked
        daemon.signal(signal.SIGCONT)
        time.sleep(0.5)
    is_calm(shop, before, 1.0)
    assert "trouble" not in daemon.said


def test_memory_over_the_limit_leads_to_a_restart_between_requests(home: Home) -> None:
    shop = home.service()
    shop.playbook["probes"]["memory"] = {"memory": "200MB", "every": "300ms", "fails": 1}
    shop.playbook["triggers"].append({"on": "memory", "run": "bring-back"})
    shop.write()
    shop.tell("memory", 300)
    shop.tell("work", 4)
    before = shop.start()
    shop.tell("memory", None)
    with socket.create_connection(("127.0.0.1", shop.port), 30) as sock:
        sock.sendall(b"GET /work HTTP/1.0\r\n\r\n")
        daemon = home.watch()
        daemon.hears("requests are under way")
        assert b"200" in sock.recv(100), "the request that was under way got its answer"
    is_back(shop, before)


def test_the_numbers_are_written_for_prometheus_and_systemd_is_told(home: Home, folder: Path) -> None:
    shop = home.service()
    shop.start()
    address = str(folder / "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(60)
        numbers = folder / "wd.prom"
        daemon = home.watch(
            "--metrics", str(numbers), env={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": ""}
        )
        assert systemd.recv(100) == b"READY=1"
        assert systemd.recv(100) == b"WATCHDOG=1"
        wait_for(lambda: numbers.is_file() and "wd_probe_seconds" in numbers.read_text(), "the numbers are there")
        assert 'wd_service_state{service="shop"} 0' in numbers.read_text()
        daemon.signal(signal.SIGTERM)
        wait_for(lambda: systemd.recv(100) == b"STOPPING=1", "it says that it stops")


def test_status_tells_what_is(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    daemon = home.watch()
    os.kill(before, signal.SIGSTOP)
    is_back(shop, before)
    daemon.hears("recovered")
    wait_for(lambda: home.wd("status", "-o", "json").code == 0, "the journal has the good answers", 60)
    found = json.loads(home.wd("status", "-o", "json").out.splitlines()[0])
    assert (found["service"], found["state"], found["mode"]) == ("shop", "ok", "act")
    assert found["windows"][0]["restarts"] == 1
    assert found["next_check"]
    words = home.wd("status", "shop").out
    assert "1 restart" in words


def test_a_snooze_until_healthy_ends_by_itself_and_the_next_trouble_is_acted_on(home: Home) -> None:
    shop = home.service()
    before = shop.start()
    shop.tell("down")
    assert home.wd("snooze", "--service", "shop", "--until-healthy").code == 0
    daemon = home.watch()
    daemon.hears("wants it snoozed")
    shop.tell("down", None)
    daemon.hears("healthy: it is looked after again")
    assert alive(before)
    assert "snoozed" not in home.wd("status").out
    os.kill(before, signal.SIGSTOP)
    is_back(shop, before)


def test_a_planned_run_that_leaves_the_server_alone_does_not_forget_its_failures(home: Home) -> None:
    shop = home.service()
    shop.playbook["probes"]["health"].update(every="300ms", fails=8)
    shop.playbook["triggers"].append({"every": "1s", "run": "look"})
    home.runbook("look", "---\nsummary: Only looks.\n---\n# Look\n```wd timeout=10s on-fail=continue\ncheck\n```\n")
    shop.write()
    before = shop.start()
    daemon = home.watch()
    daemon.hears("look: nothing")
    shop.tell("down")
    daemon.hears("runs bring-back")
    shop.tell("down", None)
    is_back(shop, before)
    assert not [line for line in daemon.said.splitlines() if "look: nothing" in line and "ERROR" in line]


def test_a_changed_playbook_is_taken_up_and_a_broken_one_is_reported_while_the_old_one_stays(home: Home) -> None:
    shop = home.service()
    shop.playbook["policy"]["mode"] = "observe"
    shop.write()
    before = shop.start()
    daemon = home.watch()
    shop.file.write_text("service: [")
    daemon.hears("the changed playbooks are not used, the old ones stay")
    os.kill(before, signal.SIGSTOP)
    daemon.hears("would run bring-back")
    shop.playbook["policy"]["mode"] = "act"
    shop.write()
    daemon.hears("playbooks read again: 1 service")
    is_back(shop, before)
    assert daemon.said.count("playbooks or runbooks have changed") == 2, "each change is taken up once"
