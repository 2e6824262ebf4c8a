"""Healthy programs of ordinary shapes: `shapes.py NAME PORT`, or `gunicorn shapes:wsgi`, `uvicorn shapes:asgi`.

Each answers `/health` at once. Most do something beside that which looks like a fault to whoever looks only once: idle
pools, long polls, streams, children that compute, threads that sleep.
"""

import asyncio
import contextlib
import hashlib
import json
import multiprocessing
import os
import socketserver
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOCK = threading.Lock()
CHILD = "import sys\nfor line in sys.stdin:\n    print(line.upper(), end='', flush=True)\n"


def square(number):
    return number * number


def threads(port):
    """http.server; a thread of its own sleeps between its rounds, a lock is held for a moment."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with LOCK:
                time.sleep(0.01)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"fine")

        def log_message(self, *words):
            pass

    def rounds():
        while True:
            time.sleep(5)

    threading.Thread(target=rounds, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def wsgi(environ, start):
    """For gunicorn, with whatever workers."""
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]


def flask(port):
    """Flask with a child that it asks over pipes, and an executor that has worked once."""
    from flask import Flask

    app, pool = Flask("shapes"), ThreadPoolExecutor(4)
    list(pool.map(square, range(8)))
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @app.get("/health")
    def health():
        with LOCK:
            child.stdin.write("fine\n")
            child.stdin.flush()
            return child.stdout.readline()

    app.run("127.0.0.1", port, threaded=True)


async def asgi(scope, receive, send):
    """For uvicorn: `/stream` sends a line a second for ever, `/wait` answers after eight seconds."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b"news\n", "more_body": True})
        await asyncio.sleep(1)
    await asyncio.sleep(8 if scope["path"] == "/wait" else 0)
    await send({"type": "http.response.body", "body": b"fine"})


def fastapi(port):
    """FastAPI with a synchronous route, a pool of processes, and a task that never ends."""
    import uvicorn
    from fastapi import FastAPI

    @contextlib.asynccontextmanager
    async def lifespan(app):
        with multiprocessing.get_context("fork").Pool(2) as app.state.pool:
            app.state.pool.map(square, range(4))
            queue = asyncio.Queue()
            task = asyncio.create_task(queue.get())
            yield
            task.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.get("/health")
    def health():
        return app.state.pool.apply(square, (7,))

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def aiohttp(port):
    """aiohttp with an executor of processes, work in threads, and long polls at `/wait`."""
    from aiohttp import web

    async def health(request):
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(request.app["pool"], square, 3)
        await asyncio.to_thread(hashlib.sha256, b"x" * 200_000)
        return web.Response(text="fine")

    async def wait(request):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 20)
        return web.Response(text="nothing new")

    app = web.Application()
    app["pool"] = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    app.add_routes([web.get("/health", health), web.get("/wait", wait)])
    web.run_app(app, host="127.0.0.1", port=port, print=None)


def busy(port):
    """Two children compute for ever, at low priority; the parent answers."""

    def compute():
        os.nice(19)
        while True:
            sum(range(100_000))
            time.sleep(0.01)

    for _ in range(2):
        multiprocessing.get_context("fork").Process(target=compute, daemon=True).start()
    threads(port)


def lines(port):
    """No HTTP: answers each line with the same in capitals."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.wfile.write(line.upper())

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        server.serve_forever()


def scheduler(_):
    """No port: a short child every second."""
    from apscheduler.schedulers.blocking import BlockingScheduler

    planned = BlockingScheduler()
    planned.add_job(subprocess.run, "interval", seconds=1, args=[["sleep", "0.2"]])
    planned.start()


def script(_):
    """No port: a little work now and then."""
    while True:
        json.dumps([os.getpid(), *os.environ])
        time.sleep(0.7)


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
