"""Logs, source and calls are read the way a person would read them."""

from __future__ import annotations

import canned
import pytest
from canned import APP, LIB, SITE

from watchdog.diagnosis import code, holdings, logbook, packages, posts, shape
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame, Installed, LogTail

CHAINED = """2026-01-01 03:00:00 INFO started
Traceback (most recent call last):
  File "/srv/shop/server.py", line 9, in load
    return int(text)
ValueError: invalid literal for int() with base 10: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/shop/server.py", line 40, in <module>
    main()
  File "/usr/lib/python3.11/json/decoder.py", line 353, in raw_decode
    obj, end = self.scan_once(s, idx)
               ^^^^^^^^^^^^^^^^^^^^^^
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
"""


def log(text: str) -> LogTail:
    return LogTail("/var/log/shop.log", text, len(text))


def test_chained_tracebacks_are_read_one_by_one() -> None:
    first, last = logbook.tracebacks(log(CHAINED))
    assert (first.type, first.frames[0].line) == ("ValueError", 9)
    assert (last.type, last.at) == ("json.decoder.JSONDecodeError", 1)
    assert last.short == "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    assert [frame.function for frame in last.frames] == ["raw_decode", "<module>"]


def test_a_traceback_without_a_message_is_read() -> None:
    text = 'Traceback (most recent call last):\n  File "/srv/a.py", line 1, in f\n    g()\nMemoryError\n'
    assert logbook.tracebacks(log(text))[0].short == "MemoryError"


def test_a_traceback_cut_off_at_its_head_is_no_traceback() -> None:
    assert logbook.tracebacks(log('  File "/srv/a.py", line 1, in f\nValueError: x\n')) == ()


def test_the_last_requests_of_an_access_log() -> None:
    text = '1.2.3.4 - - [x] "GET /a HTTP/1.1" 200 -\n1.2.3.4 - - [x] "POST /b?c=1 HTTP/1.1" 200 -\n'
    assert logbook.requests([log(text)]) == ("GET /a", "POST /b?c=1")


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        ("/srv/shop/server.py", "application"),
        ("server.py", "application"),
        ("<stdin>", "application"),
        ("<string>", "application"),
        ("/usr/lib/python3.11/socket.py", "standard"),
        ("/root/.pyenv/versions/3.13.0/lib/python3.13/asyncio/events.py", "standard"),
        ("/usr/lib/python3/dist-packages/flask/app.py", "library"),
        ("/srv/venv/lib/python3.11/site-packages/flask/app.py", "library"),
        ("/home/kim/python3.11/server.py", "application"),
        ("C:/Python312/Lib/threading.py", "standard"),
        ("C:/Users/kim/.pyenv/pyenv-win/versions/3.12.0/Lib/asyncio/events.py", "standard"),
        ("d:/python39/lib/site-packages/flask/app.py", "library"),
        ("C:/shop/lib/prices.py", "application"),
        ("D:/shop/server.py", "application"),
        ("<frozen importlib._bootstrap>", "standard"),
        ("<attrs generated init shop.Order>", "made up"),
        ("handle_request", "made up"),
    ],
)
def test_whose_code_a_frame_is(file: str, whose: str) -> None:
    frame = Frame("f", file, 1)
    told = {
        "application": code.is_application(frame),
        "standard": code.is_standard(frame),
        "library": code.is_library(frame),
    }
    assert [name for name, yes in told.items() if yes] == ([] if whose == "made up" else [whose])


def frames(*texts: str) -> tuple[Frame, ...]:
    return tuple(map(canned.frame, texts))


def test_a_worker_that_waits_for_work_is_at_its_post() -> None:
    assert posts.is_idle(
        frames(f"wait {LIB}/threading.py:327", f"_worker {LIB}/concurrent/futures/thread.py:81", *canned.STARTED)
    )
    assert posts.is_idle(frames(*canned.AT_REST))
    assert posts.is_idle(frames(*canned.LOOP_AT_REST))


def test_an_event_loop_run_inside_a_request_is_a_wait_of_that_request() -> None:
    nested = (*canned.LOOP_AT_REST[:4], f"report {APP}:12", *canned.REQUEST)
    assert not posts.is_idle(frames(*nested))


def test_a_library_called_by_a_handler_is_part_of_its_work() -> None:
    calls = frames(f"send_file {SITE}/flask/helpers.py:500", f"download {APP}:12", *canned.REQUEST)
    assert not posts.is_idle(calls)
    assert [frame.function for frame in posts.work(calls)] == ["send_file", "download"]


SOURCE = canned.source_file("""import re
rows = [slow(x) for x in range(9)]


def f(items):
    while items:
        items.pop()
    with lock:
        return re.match("x", items[0])


def g():
    return sum(x for x in rows)
""")


def test_what_is_done_again_and_again_is_a_loop() -> None:
    assert [shape.in_loop(SOURCE, line) for line in (1, 2, 6, 7, 9, 13)] == [False, True, True, True, False, True]


def test_the_calls_of_a_line_are_named() -> None:
    assert shape.calls_at(SOURCE, 9) == ("match",)


def test_a_file_that_is_no_python_of_ours_tells_nothing() -> None:
    assert shape.in_loop(canned.source_file("def f(:\n    pass\n"), 2) is None


def test_a_part_of_a_file_tells_nothing() -> None:
    part = canned.source_file("x = 1\n")
    assert shape.tree(type(part)(part.path, ((7, "x = 1"),))) is None


def test_what_a_handler_fills_is_told_from_what_is_loaded_at_the_start() -> None:
    main = "if __name__ == '__main__':\n    main()\n"
    text = "def load():\n    STOCK.update(read())\n\n\ndef main():\n    load()\n\n\n" + main
    view = View(canned.evidence(source=text))
    assert holdings._at_start(view, APP, "load")
    assert not holdings._at_start(view, APP, "handler")


def test_an_installed_application_is_found_among_its_libraries() -> None:
    calls = (f"save {SITE}/shop/views.py:16", f"app {SITE}/fastapi/routing.py:381", f"run {SITE}/uvicorn/main.py:632")
    seen = canned.evidence(canned.Thread("MainThread", (*calls, "<module> /srv/venv/bin/shop:8")))
    assert packages.own(seen) == {"shop"}


def test_an_application_of_its_own_files_claims_no_package() -> None:
    calls = (f"get {SITE}/strange/client.py:16", f"save {APP}:16", f"app {SITE}/fastapi/routing.py:381")
    assert packages.own(canned.evidence(canned.Thread("MainThread", calls))) == frozenset()


def test_libraries_in_an_archive_and_beside_the_application_are_told_from_its_own_code() -> None:
    places = ("/srv/shop.pyz/flask/app.py", "/srv/shop.pyz/shop/views.py", "/srv/lib/odd/app.py", "/srv/lib/own/app.py")
    frames = [Frame("handle", place, 1) for place in places]
    assert [code.is_library(one) for one in frames] == [True, False, False, False]
    with code.with_beside((Installed("/srv/lib", frozenset({"odd"})),)):
        assert [code.is_library(one) for one in frames] == [True, False, True, False]
        assert code.package(frames[2]) == "odd"
