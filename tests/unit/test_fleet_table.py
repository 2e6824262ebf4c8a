"""The table of a fleet and the words of ssh: what a person sees of many hosts, and how each is reached."""

from __future__ import annotations

from typing import Any

import pytest

from watchdog.fleet import connection, table
from watchdog.fleet.lines import exit_of_host, lines_of, worst
from watchdog.fleet.records import Host, Reply
from watchdog.model.exits import Exit


def host(name: str, **variables: Any) -> Host:
    return connection.host(name, variables, {})


def answer(name: str, verdict: str, code: int, line: int = 30) -> Reply:
    finding = {"summary": "2 threads wait", "culprit": {"file": "server.py", "line": line, "function": "withdraw"}}
    result = {"verdict": verdict, "findings": [finding], "target": {"ports": [8000], "pid": 1}}
    return Reply(host(name), "answered", "", code, (), result)


def test_the_worst_host_stands_first_and_hosts_with_one_cause_are_counted_together() -> None:
    replies = [
        answer("web3", "healthy", 0),
        Reply(host("web4"), "unreachable", "Connection refused"),
        answer("web1", "lock-deadlock", 2),
        answer("web2", "lock-deadlock", 2),
        answer("web5", "lock-deadlock", 2, line=99),
    ]
    lines = [line for reply in replies for line in lines_of("why", reply)]
    shown = table.text(lines, len(replies), {}, "4 of 5 hosts answered").splitlines()
    assert [line.split()[1] for line in shown[:5]] == ["web1", "web2", "web5", "web4", "web3"]
    assert shown[5] == "2 of 5 hosts: lock-deadlock at server.py:30 in withdraw (web1, web2)"
    assert "Connection refused" in shown[3]
    assert worst(exit_of_host(reply) for reply in replies) is Exit.CRITICAL


def test_a_host_that_is_not_reached_is_unknown_and_never_fine() -> None:
    replies = [answer("web1", "healthy", 0), Reply(host("web2"), "silent", "no answer within 20 s")]
    assert worst(exit_of_host(reply) for reply in replies) is Exit.UNKNOWN


def test_a_host_without_such_a_server_counts_only_where_no_host_has_one() -> None:
    nothing = Reply(host("web2"), "answered", "", 4, (), {"error": {"what": "nothing matches port 8000"}})
    assert worst(map(exit_of_host, [answer("web1", "healthy", 0), nothing])) is Exit.FINE
    assert worst(map(exit_of_host, [nothing])) is Exit.NOTHING
    assert lines_of("why", nothing)[0].text == "nothing matches port 8000"


def test_what_a_host_prints_forges_no_line_of_the_table() -> None:
    reply = Reply(host("web1"), "unreachable", "one\n✓ web2  healthy\x1b[31m")
    assert len(table.text(lines_of("why", reply), 1, {}, "end").splitlines()) == 2


@pytest.mark.posix("a controller runs on POSIX")
def test_ssh_gets_the_words_of_the_inventory_in_ansibles_order() -> None:
    changed = {"ssh.ssh_args": "-C", "ssh.timeout": 7, "ssh.host_key_checking": False}
    found = connection.host(
        "web1",
        {
            "ansible_host": "10.0.0.5", "ansible_port": 2222, "ansible_user": "deploy",
            "ansible_ssh_common_args": '-o ProxyJump="gate keeper"', "ansible_ssh_private_key_file": "/keys/a b",
        },
        changed,
    )  # fmt: skip
    assert found.link[:13] == (
        "ssh", "-C", "-o", "StrictHostKeyChecking=no", "-o", "Port=2222", "-o", 'IdentityFile="/keys/a b"',
        "-o", 'User="deploy"', "-o", "ConnectTimeout=7", "-o",
    )  # fmt: skip
    assert found.link[13] == "ProxyJump=gate keeper"
    assert found.link[-2:] == ("--", "10.0.0.5")
    assert (found.address, found.patience, found.trouble) == ("10.0.0.5:2222", 7.0, "")


def test_become_is_sudo_with_a_password_only_where_there_is_one() -> None:
    assert host("a", ansible_become=True).become == ("sudo", "-H", "-S", "-n", "-u", "root")
    with_password = host("a", ansible_become="yes", ansible_become_user="shop", ansible_become_password="s3cret")
    assert with_password.become == ("sudo", "-H", "-S", "-p", "", "-u", "shop")
    assert with_password.password == "s3cret"
    assert "s3cret" not in repr(with_password)
    assert host("a", ansible_become=True, ansible_become_method="doas").become == ("doas", "-n", "-u", "root")
    assert host("a").become == ()


def test_a_command_that_a_host_proposes_is_not_marked_as_one_to_type_here() -> None:
    row = {"service": "shop", "state": "trouble", "message": "gave up; once fixed, run `wd resume shop`"}
    lines = lines_of("status", Reply(host("web1"), "answered", "", 2, (row,), {"outcome": "ok"}))
    shown = table.text(lines, 1, {}, "1 of 1 host answered")
    assert "run 'wd resume shop'" in shown
    assert "`" not in shown


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"ansible_connection": "winrm"}, "winrm"),
        ({"ansible_password": "x"}, "password"),
        ({"ansible_become": True, "ansible_become_method": "su"}, "su"),
        ({"ansible_port": "many"}, "many"),
        ({"ansible_ssh_common_args": "-o 'open"}, "quotation"),
        ({"ansible_host": "{{ unknown }}"}, "host"),
    ],
)
def test_what_wd_cannot_do_is_said_of_the_host_and_not_tried(variables: dict[str, Any], reason: str) -> None:
    found = host("web1", **variables)
    assert reason in found.trouble
    assert found.link == ()
    assert lines_of("ps", Reply(found, "unasked", found.trouble))[0].rank is Exit.UNKNOWN
