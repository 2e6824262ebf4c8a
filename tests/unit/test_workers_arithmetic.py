"""The number of workers, and how a number stands."""

from __future__ import annotations

import pytest

from watchdog.workers import command_line
from watchdog.workers.access_log import parse
from watchdog.workers.arithmetic import count, standing
from watchdog.workers.indicators import Targets, judge

MB, GB = 1 << 20, 1 << 30


def test_the_least_of_cpu_memory_and_users_is_the_number() -> None:
    found = count(1, 2 * GB, 600 * MB, 50)
    assert (found.workers, found.by_cpu, found.by_memory, found.by_users) == (3, (4, 8), 3, 5)
    assert found.limited_by == "memory"
    assert found.words() == "3 workers = min(CPU 4-8, memory 3, users 5), bound by memory"


@pytest.mark.parametrize(
    ("arguments", "workers", "bound"),
    [
        ((2, 4 * GB, 600 * MB, 200), 6, "memory"),
        ((1, 64 * GB, 100 * MB, None), 8, "cpu"),
        ((8, 64 * GB, 100 * MB, 41), 5, "users"),
        ((0.5, 4 * GB, 100 * MB, None), 4, "cpu"),
        ((4, 1 * GB, 2 * GB, None), 1, "memory"),
        ((4, 1 * GB, None, 0), 1, "users"),
    ],
)
def test_each_bound_can_be_the_one_that_counts(arguments, workers: int, bound: str) -> None:
    found = count(*arguments)
    assert (found.workers, found.limited_by) == (workers, bound)


@pytest.mark.parametrize(("workers", "worker", "risk"), [(3, 600, "low"), (4, 500, "medium"), (4, 600, "high")])
def test_the_risk_of_an_oom_kill_follows_the_memory_that_all_take(workers: int, worker: int, risk: str) -> None:
    assert standing(workers, 2 * GB, worker * MB).risk == risk


def test_what_the_master_takes_counts_too() -> None:
    assert standing(3, 2 * GB, 600 * MB, beside=400 * MB).risk == "high"


@pytest.mark.parametrize(
    ("words", "workers"),
    [
        (["gunicorn", "shop:app", "--workers", "4"], 4),
        (["gunicorn", "-w", "4", "shop:app"], 4),
        (["gunicorn", "-w4", "shop:app"], 4),
        (["gunicorn", "--workers=4", "shop:app"], 4),
        (["gunicorn", "shop:app"], None),
        (["celery", "-A", "shop", "worker", "-c", "8"], 8),
        (["dramatiq", "shop", "--processes=8"], 8),
    ],
)
def test_the_number_is_read_from_a_command_line_in_every_form(words: list[str], workers: int | None) -> None:
    assert command_line.workers_of(words) == workers


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "/venv/bin/python /venv/bin/gunicorn --workers 4 --bind 0.0.0.0:8000 backend.main:app",
            "/venv/bin/gunicorn --workers 3 --bind 0.0.0.0:8000 backend.main:app",
        ),
        ("gunicorn a:b -w4 --preload", "gunicorn a:b --workers 3 --preload"),
        ("gunicorn shop.wsgi -b 127.0.0.1:8001", "gunicorn --workers 3 shop.wsgi -b 127.0.0.1:8001"),
        (
            "/venv/bin/python -m uvicorn shop:app --port 8000",
            "/venv/bin/python -m uvicorn --workers 3 shop:app --port 8000",
        ),
        ("celery -A shop worker -c 8 -Q mail", "celery -A shop worker --concurrency 3 -Q mail"),
        ("celery -A shop worker", "celery -A shop worker --concurrency 3"),
        ("dramatiq shop.tasks -p 8 -t 4", "dramatiq shop.tasks --processes 3 -t 4"),
        ("rq worker-pool mail -n 8", "rq worker-pool mail --num-workers 3"),
        ("rq worker mail", ""),
    ],
)
def test_the_present_command_keeps_all_but_its_number(words: str, line: str) -> None:
    assert command_line.line(words.split(), 3) == line


def test_a_web_application_without_workers_gets_a_line_of_its_kind_on_its_own_address() -> None:
    django = command_line.line(["python", "manage.py", "runserver"], 3, "127.0.0.1:8001", "django")
    assert "--bind 127.0.0.1:8001" in django and "uvicorn" not in django
    fast = command_line.line(["python", "shop.py"], 3, "127.0.0.1:8001", "fastapi")
    assert "--worker-class uvicorn.workers.UvicornWorker --bind 127.0.0.1:8001" in fast
    assert "0.0.0.0" not in command_line.line([], 3)


def test_what_is_no_web_application_gets_no_line_for_one() -> None:
    assert command_line.line(["python", "consumer.py"], 3, "", "grpc") == ""


LINES = """
127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326 "-" "curl/8"
10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /b HTTP/1.1" 503 12 "-" "curl/8" 0.250
10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "POST /c HTTP/1.1" 500 12 "-" "curl/8" 1500000
10.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /d HTTP/1.1" 200 12 "-" "curl/8" rt=0.100 uct="0.0"
INFO:     127.0.0.1:53210 - "GET /e HTTP/1.1" 404 Not Found
{"path": "/f", "status": 200, "duration_ms": 75}
{"path": "/g", "status_code": "200", "response_time": "50ms"}
[2026-10-10 13:55:36] [7] [ERROR] Worker (pid:9) was sent SIGKILL! Perhaps out of memory?
something else
"""


def test_access_logs_of_every_usual_form_are_read() -> None:
    found = parse(LINES.strip().splitlines())
    assert (found.total, found.errors, found.unavailable, found.oom_kills, found.unread) == (7, 2, 1, 1, 2)
    assert found.times == pytest.approx((0.05, 0.075, 0.1, 0.25, 1.5))
    assert found.quantile(0.95) == 1.5
    assert found.error_rate == pytest.approx(2 / 7)


def test_a_log_without_times_has_no_quantile() -> None:
    assert parse(['127.0.0.1 - - [x] "GET / HTTP/1.1" 200 5']).quantile(0.95) is None


def test_what_is_within_its_target_asks_for_nothing() -> None:
    good = parse(['x - - [x] "GET / HTTP/1.1" 200 5 "-" "-" 0.1'] * 100)
    assert not [one.action for one in judge(0.2, 0.5, good, Targets(), ":8000") if one.action]


def test_each_warning_comes_with_its_action() -> None:
    bad = parse(['x - - [x] "GET / HTTP/1.1" 503 5 "-" "-" 40.5'] * 5 + LINES.strip().splitlines())
    found = {one.name: one for one in judge(0.95, 0.93, bad, Targets(), ":8000")}
    assert all(one.action for one in found.values())
    assert set(found) == {"CPU", "memory", "P95", "errors", "OOM kills"}
    assert found["memory"].critical and found["OOM kills"].critical
    assert "fewer workers" in found["memory"].action
