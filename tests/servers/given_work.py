"""A server of asyncio whose requests give work to threads: given_work.py PORT WAY.

GET /health gives a moment's work to the pool that WAY names. Healthy: idle (a pool of one thread, nothing else to do),
timed (a request polls its thread for a result that comes), task (a task of the background gives each page, after a
pause). Ill: one (a pool of one thread is taken for ever), over (that task has died of an exception), lost (it lives,
and forgets what it cannot do).
"""

import asyncio
import functools
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

PORT, WAY = int(sys.argv[1]), sys.argv[2]
pool = ThreadPoolExecutor(1)


def moment():
    return b"ok"


def wait_for_payment():
    return threading.Event().wait()


def slow_page():
    time.sleep(0.3)
    return b"done"


async def render(pages):
    while True:
        page = await pages.get()
        if WAY == "over":
            raise ValueError("no template")
        if WAY == "lost":
            continue
        await asyncio.sleep(30)
        page.set_result(b"page")


async def page(pages):
    given = asyncio.get_running_loop().create_future()
    pages.put_nowait(given)
    return await given


async def answer(line, pages):
    loop = asyncio.get_running_loop()
    if b" /go" in line and WAY in ("task", "over", "lost"):
        return await page(pages)
    if b" /go" in line and WAY == "one":
        return await loop.run_in_executor(pool, wait_for_payment)
    if b" /go" in line and WAY == "timed":
        return await loop.run_in_executor(pool, slow_page)
    return await loop.run_in_executor(pool, moment)


async def serve(pages, reader, writer):
    line = await reader.readline()
    while (await reader.readline()).strip():
        pass
    body = await answer(line, pages)
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    writer.close()


async def main():
    pages = asyncio.Queue()
    renderer = asyncio.create_task(render(pages))
    server = await asyncio.start_server(functools.partial(serve, pages), "127.0.0.1", PORT)
    await server.serve_forever()
    renderer.cancel()


asyncio.run(main())
