"""A server whose worker is forked after its threads were started: lost_threads.py PORT WAY.

GET /health waits for one of these threads: for a place in its queue (full), for an answer of it (answer), for the
result of an executor (executor) or of an event loop (loop). Healthy: the worker starts the thread again (again), or
nobody waits for it (unused).
"""

import asyncio
import os
import queue
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, WAY = int(sys.argv[1]), sys.argv[2]
jobs, records = queue.Queue(), queue.Queue(1)
pool = ThreadPoolExecutor(1)
loop = asyncio.new_event_loop()


def write():
    while True:
        records.get()


def work():
    while True:
        jobs.get().set()


def start():
    for target in (write, work, loop.run_forever):
        threading.Thread(target=target, name=target.__name__, daemon=True).start()


async def total():
    return 1


def full():
    records.put(1)
    records.put(2)


def answer():
    done = threading.Event()
    jobs.put(done)
    done.wait()


def executor():
    pool.submit(len, "ok").result()


def over_loop():
    asyncio.run_coroutine_threadsafe(total(), loop).result()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        {"full": full, "again": answer, "answer": answer, "executor": executor, "loop": over_loop}.get(WAY, int)()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    start()
    executor()
    server = Server(("127.0.0.1", PORT), Handler)
    worker = os.fork()
    if worker == 0:
        if WAY == "again":
            jobs = queue.Queue()  # in the copy a lost thread still stands first in the row of those that wait
            threading.Thread(target=work, daemon=True).start()
        server.serve_forever()
    os.waitpid(worker, 0)
