"""A server of threads whose requests wait for a result without a time-out: given_results.py PORT WAY.

Healthy: worker (a thread of its own takes one job after the other, each a long pause), flight (the first request loads
for long, those that come meanwhile wait for its result). Ill: died (the worker has died of an exception), lost (the
request that loads has died of one, and its result is never set), forgot (the worker lives, and forgets a job).
"""

import queue
import sys
import threading
import time
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, WAY = int(sys.argv[1]), sys.argv[2]
LONG = 30.0
jobs: queue.Queue[Future[str]] = queue.Queue()
flights: dict[str, Future[str]] = {}
guard = threading.Lock()


def render():
    if WAY == "died":
        raise ValueError("no template")
    time.sleep(LONG)
    return "page"


def work():
    while True:
        job = jobs.get()
        if WAY == "forgot":
            del job
            continue
        job.set_result(render())


def load():
    if WAY == "lost":
        raise ValueError("no table")
    time.sleep(LONG)
    return "table"


def table(name):
    with guard:
        flight = flights.get(name)
        mine = flight is None
        if mine:
            flight = flights[name] = Future()
    if mine:
        flight.set_result(load())
    return flight.result()


def page():
    job = Future()
    jobs.put(job)
    return job.result()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/go":
            table("prices") if WAY in ("flight", "lost") else page()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


threading.Thread(target=work, name="renderer", daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
