"""A server whose GET /go forks children in the way that it is told: forks.py PORT WAY.

Healthy ways: pool, manager, raw, executor (made by a coroutine on an event loop). Ill ones: spinning, silent.
GET /health always answers.
"""

import asyncio
import multiprocessing
import os
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, WAY = int(sys.argv[1]), sys.argv[2]
forking = multiprocessing.get_context("fork")
kept = []


def double(number):
    return 2 * number


def pool():
    made = forking.Pool(2)
    kept.append(made)
    return made.map(double, range(4))


def manager():
    made = forking.Manager()
    kept.extend((made, made.dict(a=1)))


def raw():
    pid = os.fork()
    if pid == 0:
        child_waits()
    kept.append(pid)


def child_waits():
    end, _ = os.pipe()
    os.read(end, 1)


def spinning():
    pid = os.fork()
    if pid == 0:
        child_spins()
    os.waitpid(pid, 0)


def child_spins():
    number = 0
    while number >= 0:
        number += 1


async def lifespan():
    made = ProcessPoolExecutor(2, mp_context=forking)
    kept.append(made)
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(made, double, number) for number in range(2)))
    await asyncio.Event().wait()


def executor():
    threading.Thread(target=asyncio.run, args=(lifespan(),), daemon=True).start()
    while not kept or not kept[0]._processes:
        time.sleep(0.01)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/go":
            globals()[WAY]()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", PORT), Handler).serve_forever()
