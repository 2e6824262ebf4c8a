"""A server whose request waits for other work while it holds a lock: joins.py PORT WAY.

Ill, as that work wants the same lock: pool (a thread pool), thread (a thread that is joined), tasks (asyncio.gather),
task (one task), greenlets (gevent.joinall). Healthy: apart (the work of a thread pool, which takes long, does not want
the lock; other requests wait for it meanwhile).
"""

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, WAY = int(sys.argv[1]), sys.argv[2]
ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


class OfThreads:
    def __init__(self):
        self.key = threading.Lock()
        self.pool = ThreadPoolExecutor(4)

    def weigh(self):
        with self.key:
            return 1

    def measure(self):
        time.sleep(30)

    def all(self):
        with self.key:
            if WAY == "thread":
                helper = threading.Thread(target=self.weigh)
                helper.start()
                helper.join()
            else:
                jobs = [self.pool.submit(self.measure if WAY == "apart" else self.weigh) for _ in range(2)]
                [job.result() for job in jobs]


class OfTasks:
    def __init__(self):
        self.key = asyncio.Lock()

    async def weigh(self):
        async with self.key:
            return 1

    async def all(self):
        async with self.key:
            if WAY == "task":
                await asyncio.create_task(self.weigh())
            else:
                await asyncio.gather(self.weigh(), self.weigh())


def serve_threads():
    yard = OfThreads()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/go":
                yard.all()
            self.wfile.write(ANSWER)

        def log_message(self, *args):
            pass

    ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()


async def serve_tasks():
    yard = OfTasks()

    async def serve(reader, writer):
        line = await reader.readline()
        while (await reader.readline()).strip():
            pass
        if b" /go" in line:
            await yard.all()
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", PORT)
    await server.serve_forever()


def serve_greenlets():
    import gevent
    from gevent.lock import BoundedSemaphore
    from gevent.pywsgi import WSGIServer

    key = BoundedSemaphore(1)

    def weigh():
        with key:
            return 1

    def go():
        with key:
            jobs = [gevent.spawn(weigh) for _ in range(3)]
            gevent.joinall(jobs)

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/go":
            go()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    WSGIServer(("127.0.0.1", PORT), app, log=None).serve_forever()


if WAY == "greenlets":
    serve_greenlets()
elif WAY.startswith("task"):
    asyncio.run(serve_tasks())
else:
    serve_threads()
