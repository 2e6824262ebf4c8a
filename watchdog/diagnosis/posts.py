"""Where servers and their workers wait when nothing is wrong, and where a library hands a request to the application.

Places are "FILE:FUNCTION" as `code.at_place` reads them. The lists name mechanisms of servers and of the standard
library, never an application.
"""

from __future__ import annotations

from collections.abc import Sequence

from watchdog.diagnosis.code import at_place, is_application
from watchdog.model.evidence import Frame

# A thread inside one of these, with no application code inside it, is at its post: it waits for work.
LOOPS = (
    "asyncio/base_events.py:_run_once",
    "asyncio/base_events.py:run_forever",
    "asyncio/runners.py:run",
    "uvloop/:*",
    "selectors.py:serve",
    "socketserver.py:serve_forever",
    "socketserver.py:handle_request",
    "socketserver.py:get_request",
    "gunicorn/:*",
    "uvicorn/:*",
    "hypercorn/:*",
    "daphne/:*",
    "granian/:*",
    "waitress/:*",
    "cheroot/:*",
    "cherrypy/process/:*",
    "tornado/ioloop.py:*",
    "tornado/process.py:*",
    "tornado/platform/asyncio.py:*",
    "sanic/worker/:*",
    "sanic/mixins/startup.py:*",
    "twisted/internet/:*",
    "gevent/:*",
    "eventlet/:*",
    "trio/_core/:*",
    "werkzeug/_reloader.py:*",
    "quart/utils.py:run_reloader",
    "hupper/:*",
    "werkzeug/serving.py:serve_forever",
    "watchfiles/:*",
    "django/utils/autoreload.py:*",
    "aiohttp/web.py:*",
    "wsgiref/simple_server.py:*",
    "concurrent/futures/thread.py:_worker",
    "concurrent/futures/process.py:*",
    "multiprocessing/pool.py:*",
    "multiprocessing/managers.py:serve_forever",
    "multiprocessing/managers.py:accepter",
    "multiprocessing/resource_tracker.py:main",
    "multiprocessing/resource_sharer.py:_serve",
    "multiprocessing/queues.py:_feed",
    "multiprocessing/forkserver.py:main",
    "joblib/externals/loky/:*",
    "loky/:*",
    "pebble/:*",
    "anyio/to_process.py:process_worker",
    "anyio/_backends/_asyncio.py:run",
    "asgiref/:*",
    "apscheduler/:*",
    "celery/:*",
    "kombu/:*",
    "billiard/:*",
    "rq/:*",
    "dramatiq/:*",
    "huey/:*",
    "arq/:*",
    "taskiq/:*",
    "schedule/__init__.py:*",
    "logging/handlers.py:_monitor",
    "sched.py:run",
    "opentelemetry/:*",
    "sentry_sdk/:*",
    "prometheus_client/:*",
)

# Of these the workers of a pool of processes: they wait for work, and for no client.
_WORKERS = ("concurrent/futures/process.py:*", "multiprocessing/:*", "billiard/:*")

# Of these what takes work from a queue, one piece after the other; and what waits for the results.
_POOL_WORKERS = (
    "concurrent/futures/process.py:_process_worker",
    "multiprocessing/pool.py:worker",
    "billiard/pool.py:*",
    "joblib/externals/loky/process_executor.py:_process_worker",
    "loky/process_executor.py:_process_worker",
    "pebble/pool/process.py:*",
    "anyio/to_process.py:process_worker",
)
_GATHERS = ("joblib/parallel.py:*",)

# What runs a piece of work, and the calls inside it that only wait for the next one.
_ITEMS = (
    "concurrent/futures/thread.py:run",
    "anyio/_backends/_asyncio.py:run",
    "gunicorn/workers/sync.py:handle_request",
    "multiprocessing/pool.py:mapstar",
    "waitress/task.py:service",
)
_GIVEN = ("concurrent/futures/thread.py:run",)
_IDLE = ("queue.py:get", "threading.py:wait", "selectors.py:select", "asyncio/:*")

# Calls that wait for the next message of a client which keeps its connection open, or for its going away.
RECEIVERS = (
    "starlette/websockets.py:*",
    "starlette/responses.py:listen_for_disconnect",
    "sse_starlette/:*",
    "uvicorn/protocols/websockets/:*",
    "websockets/:*",
    "wsproto/:*",
    "aiohttp/web_ws.py:*",
    "tornado/websocket.py:*",
    "sanic/server/websockets/:*",
    "quart/wrappers/websocket.py:*",
    "channels/:*",
    "simple_websocket/:*",
    "geventwebsocket/:*",
    "socketio/:*",
    "engineio/:*",
)

# Application code called from inside one of these answers a request (or does a piece of work for one).
REQUESTS = (
    "socketserver.py:process_request",
    "socketserver.py:process_request_thread",
    "socketserver.py:finish_request",
    "http/server.py:*",
    "wsgiref/handlers.py:run",
    "gunicorn/workers/:handle",
    "gunicorn/workers/:handle_request",
    "gunicorn/workers/sync.py:*",
    "waitress/task.py:*",
    "waitress/channel.py:service",
    "cheroot/server.py:communicate",
    "cheroot/workers/threadpool.py:run",
    "werkzeug/serving.py:run_wsgi",
    "asyncio/events.py:_run",
    "flask/app.py:*",
    "bottle.py:_handle",
    "django/core/handlers/:*",
    "starlette/:*",
    "fastapi/:*",
    "tornado/web.py:*",
    "sanic/app.py:handle_request",
    "cherrypy/_cprequest.py:*",
    "falcon/:*",
    "pyramid/:*",
    "anyio/_backends/_asyncio.py:run",
    "asgiref/sync.py:*",
    "concurrent/futures/thread.py:run",
    "multiprocessing/pool.py:worker",
    "xmlrpc/server.py:*",
    "gevent/pywsgi.py:*",
    "gevent/baseserver.py:*",
    # Queue workers and schedulers: a job is the request that they serve.
    "celery/app/trace.py:*",
    "rq/job.py:*",
    "dramatiq/actor.py:*",
    "dramatiq/worker.py:*",
    "huey/api.py:*",
    "arq/worker.py:run_job",
    "taskiq/receiver/:*",
    "apscheduler/executors/:*",
    "schedule/__init__.py:*",
)

EVENT_LOOPS = (
    "asyncio/base_events.py:run_forever",
    "asyncio/base_events.py:_run_once",
    "asyncio/runners.py:run",
    "uvloop/:*",
    "tornado/ioloop.py:start",
    "trio/_core/:*",
    "twisted/internet/:*",
    "gevent/:*",
)

_STARTS = ("threading.py:run", "threading.py:_bootstrap_inner", "threading.py:_bootstrap", "runpy.py:*", "runpy:*")


def is_idle(frames: Sequence[Frame]) -> bool:
    """Whether a thread with these calls (innermost first) waits for work, doing nothing for anybody."""
    if not frames:
        return True
    own = next((index for index, frame in enumerate(frames) if is_application(frame)), None)
    if own is None:
        return not in_work_item(frames)
    inner = frames[:own]
    if not any(at_place(frame, LOOPS) for frame in inner):
        return False
    # An event loop or a pool run to its end inside a request is a wait of that request.
    return not serves_request(frames[own:])


def in_work_item(frames: Sequence[Frame]) -> bool:
    """Whether the thread does a piece of work that was given to it, be it all in libraries."""
    return bool(item(frames))


def item(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The calls inside the piece of work that a thread was given; empty while it waits for one."""
    begin = next((index for index, frame in enumerate(frames) if at_place(frame, _ITEMS)), None)
    inside = tuple(frames[:begin]) if begin is not None else ()
    return () if all(at_place(frame, _IDLE) for frame in inside) else inside


def given(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The calls inside the piece of work of an executor's thread, also where they only wait: somebody waits for it."""
    begin = next((index for index, frame in enumerate(frames) if at_place(frame, _GIVEN)), 0)
    return tuple(frames[:begin])


def is_server(frames: Sequence[Frame]) -> bool:
    """Whether a server's or an event loop's own calls are among these."""
    return any(at_place(frame, LOOPS) and not at_place(frame, _WORKERS) for frame in frames)


def is_pool_worker(frames: Sequence[Frame]) -> bool:
    """Whether these are the calls of a process that takes work from a pool's queue."""
    return any(at_place(frame, _POOL_WORKERS) for frame in frames)


def gathers(frames: Sequence[Frame]) -> bool:
    """Whether these calls wait for results of a pool of processes, by looking again and again."""
    return any(at_place(frame, _GATHERS) for frame in frames)


def receives(frames: Sequence[Frame]) -> bool:
    """Whether these calls, made by the application's innermost one, wait for a client that may be silent for long."""
    return any(at_place(frame, RECEIVERS) for frame in frames)


def serves_request(frames: Sequence[Frame]) -> bool:
    """Whether the innermost application frame was called on behalf of a request."""
    own = next((index for index, frame in enumerate(frames) if is_application(frame)), None)
    return own is not None and any(at_place(frame, REQUESTS) for frame in frames[own + 1 :])


def work(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The calls that are the work in hand: from the innermost frame out to where a library handed it over."""
    own = next((index for index, frame in enumerate(frames) if is_application(frame)), None)
    if own is None:
        return tuple(frames)
    for index in range(own + 1, len(frames)):
        if at_place(frames[index], REQUESTS) or at_place(frames[index], _STARTS):
            return tuple(frames[:index])
    return tuple(frames)


def has_engine(frames: Sequence[Frame]) -> bool:
    """Whether a server or its event loop is among these calls."""
    return any(at_place(frame, LOOPS) or at_place(frame, REQUESTS) for frame in frames)


def is_event_loop(frames: Sequence[Frame]) -> bool:
    """Whether these are the calls of a server's loop. One that a request runs to its end is a wait of that request."""
    loops = [index for index, frame in enumerate(frames) if at_place(frame, EVENT_LOOPS)]
    return bool(loops) and not any(at_place(frame, REQUESTS) for frame in frames[loops[-1] + 1 :])
