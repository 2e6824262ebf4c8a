"""Frameworks told from command lines and from what a script imports."""

from __future__ import annotations

import pytest

from watchdog.targets import frameworks
from watchdog.targets.programs import parse


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("/venv/bin/python /venv/bin/gunicorn -w 4 shop:app", "gunicorn"),
        ("python -m gunicorn -k uvicorn.workers.UvicornWorker shop:app", "gunicorn+uvicorn"),
        ("python -m uvicorn shop:app", "uvicorn"),
        ("python -m flask --app shop run --debug", "flask"),
        ("python manage.py runserver 8000", "django"),
        ("python manage.py migrate", None),
        ("python -m http.server 8000", "http.server"),
        ("python -m aiohttp.web -P 8000 shop:make", "aiohttp"),
        ("/usr/bin/waitress-serve shop:app", "waitress"),
        ("/usr/bin/fastapi run shop.py", "fastapi"),
        ("redis-server *:6379", None),
        ("/venv/bin/python /venv/bin/celery -A shop worker -c 4", "celery"),
        ("python -m celery -A shop beat", "celery"),
        ("/venv/bin/rq worker high low", "rq"),
        ("/venv/bin/rq info", None),
        ("/venv/bin/celery -A shop inspect ping", None),
        ("/venv/bin/dramatiq shop.tasks", "dramatiq"),
        ("/venv/bin/huey_consumer shop.huey", "huey"),
        ("/venv/bin/arq shop.WorkerSettings", "arq"),
        ("python manage.py rqworker", "rq"),
        ("python -m pylsp", "language-server"),
    ],
)
def test_the_command_line_names_it(line: str, name: str | None) -> None:
    assert frameworks._of_command(parse(tuple(line.split()))) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("from fastapi import FastAPI", "fastapi"),
        ("import sys, asyncio, tornado.web as web  # x", "tornado"),
        ("import sys, cherrypy", "cherrypy"),
        ("from http.server import HTTPServer", "http.server"),
        ("from http import server", "http.server"),
        ("import http.client", None),
        ("    from flask import (Flask, request)", "flask"),
        ("x = 'import flask'", None),
        ("# import flask", None),
        ("import flasky", None),
        ("from aiohttp import web\nimport django", "django"),
        ("import ,", None),
    ],
)
def test_what_a_script_imports_names_it(text: str, name: str | None) -> None:
    seen = frameworks._modules(text)
    assert next((one for one in frameworks._IMPORTS if one in seen), None) == name


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("python -m celery -A shop worker", True),
        ("python -m celery -A shop inspect ping", False),
        ("/venv/bin/rq worker", True),
        ("/venv/bin/rq info", False),
        ("/venv/bin/arq shop.WorkerSettings", True),
        ("python -m pylsp", True),
        ("python shop.py", False),
    ],
)
def test_a_worker_runs_until_somebody_ends_it_and_a_command_ends_by_itself(line: str, stays: bool) -> None:
    assert bool(frameworks._lasting(parse(tuple(line.split())))) is stays
