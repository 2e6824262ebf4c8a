"""A gRPC server is asked through its health service."""

from __future__ import annotations

from typing import Any

import pytest
import support
from interpreters import NEEDS_RIGHT, NEEDS_TRACER
from looks import line_of, said, stands_in, tree_of

from watchdog.diagnosis.diagnose import diagnose
from watchdog.evidence import gather
from watchdog.model.causes import HEALTHY
from watchdog.model.evidence import Configured
from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.model.probing import Sample
from watchdog.model.selector import Selector
from watchdog.probes.run import probe
from watchdog.system.net import grpc_health
from watchdog.targets import answering

pytest.importorskip("grpc")
pytest.importorskip("h2")
SERVER = support.SERVERS / "grpc_shop.py"


def ask(port: int, timeout: float = 5.0, **settings: Any) -> Sample:
    spec = ProbeSpec("health", "grpc", f"127.0.0.1:{port}", timeout=timeout, settings=tuple(settings.items()))
    return probe(spec, Playbook("shop", Selector(port=port)), None)


@pytest.mark.parametrize(
    ("way", "settings", "verdict", "words"),
    [
        ("serving", {}, "ok", "says SERVING"),
        ("serving", {"name": "shop.Orders"}, "ok", "says SERVING"),
        ("serving", {"name": "shop.Unknown"}, "unknown", "knows no service"),
        ("not-serving", {}, "failed", "says NOT_SERVING"),
        ("no-health", {}, "unknown", "no health service"),
    ],
)
def test_the_probe_says_what_the_health_service_says(
    way: str, settings: dict[str, str], verdict: str, words: str
) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        found = ask(server.port, **settings)
        assert found.verdict == verdict and words in found.message, found


def test_a_hung_server_a_closed_port_and_a_web_server_fail() -> None:
    with support.running(str(SERVER), "{port}", "hung") as server:
        support.wait_for(lambda: ask(server.port, 0.5).verdict == "failed", "all threads wait")
        assert "no answer within" in ask(server.port, 0.5).message
    assert ask(server.port).verdict == "failed"
    with support.running(str(support.SERVERS / "plain.py"), "{port}") as web:
        assert ask(web.port, 2.0).verdict == "failed"


def test_without_the_package_nothing_is_said_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_health, "available", lambda: False)
    found = ask(9)
    assert (found.verdict, found.message) == ("unknown", grpc_health.NOT_INSTALLED)


@pytest.mark.parametrize(
    ("way", "verdict"),
    [
        ("serving", "healthy"),
        ("not-serving", "healthy"),
        ("no-health", "unknown"),
        ("hung", "hung"),
        ("every-method", "unknown"),
    ],
)
def test_the_list_of_servers_says_whether_it_answers(way: str, verdict: str) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        support.wait_for(lambda: answering.ask(tree_of(server)) == verdict, f"the verdict {verdict}")


@NEEDS_RIGHT
@NEEDS_TRACER
@pytest.mark.parametrize("way", ["serving", "not-serving", "no-health"])
def test_a_server_that_answers_its_health_check_is_no_fault(way: str) -> None:
    with support.running(str(SERVER), "{port}", way) as server:
        seen = gather.gather(tree_of(server), Configured(), 12.0)
        found = diagnose(seen)
        assert seen.protocol == "grpc"
        assert bool([one for one in seen.answers if one.status]) == (way != "no-health"), seen.answers
        assert found.verdict in HEALTHY, said(found)


@NEEDS_RIGHT
@NEEDS_TRACER
def test_a_server_that_takes_the_question_for_a_stream_of_its_own_is_no_fault() -> None:
    with support.running(str(SERVER), "{port}", "every-method") as server:
        seen = gather.gather(tree_of(server), Configured(limit=2.0), 12.0)
        assert [one.verdict for one in seen.answers] in (["pending"], ["timeout"]), seen.answers
        assert diagnose(seen).verdict in HEALTHY, said(diagnose(seen))


@NEEDS_RIGHT
@NEEDS_TRACER
def test_a_server_whose_threads_all_wait_is_named_with_the_line() -> None:
    with support.running(str(SERVER), "{port}", "hung") as server:
        support.wait_for(lambda: stands_in(server.pid, "book"), "a thread in book")
        found = diagnose(gather.gather(tree_of(server), Configured(limit=2.0), 20.0))
        first = found.findings[0]
        assert first.cause in ("pool-exhausted", "external-wait", "await-never"), said(found)
        assert first.culprit is not None and first.culprit.line == line_of(SERVER, "return bank_answers.get()")
