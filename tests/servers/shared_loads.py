"""A server of asyncio whose requests share one load: shared_loads.py PORT WAY. GET /health answers at once.

Ill: raised (the first request's load has failed, and those that share it wait on), left (the first client has gone, its
load was cancelled). Healthy: slow (the load goes on), pairs (two requests meet; one waits for the next), told (a
callback gives what was made).
"""

import asyncio
import sys

PORT, WAY = int(sys.argv[1]), sys.argv[2]
flights, alone, kept = {}, [], []


async def load():
    if WAY == "raised":
        raise OSError("no table")
    await asyncio.sleep(60)
    return b"table"


async def table(name):
    flight = flights.get(name)
    if flight is None:
        flight = flights[name] = asyncio.get_running_loop().create_future()
        flight.set_result(await load())
    return await flight


async def meet(name):
    if alone:
        other = alone.pop()
        other.set_result(name)
        return name
    mine = asyncio.get_running_loop().create_future()
    alone.append(mine)
    return await mine


async def news():
    mine = asyncio.get_running_loop().create_future()

    def give(text):
        mine.set_result(text)

    kept.append(give)
    return await mine


async def answer(line):
    if b" /go" not in line:
        return b"ok"
    if WAY == "pairs":
        return await meet(b"meeting")
    return await (news() if WAY == "told" else table("prices"))


async def serve(reader, writer):
    line = await reader.readline()
    while (await reader.readline()).strip():
        pass
    work = asyncio.ensure_future(answer(line))
    gone = asyncio.ensure_future(reader.read(1))
    await asyncio.wait([work, gone], return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if not work.done():
        work.cancel()
    elif not work.cancelled() and work.exception() is None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(work.result()))
        writer.write(work.result())
    writer.close()


async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", PORT) as server:
        await server.serve_forever()


asyncio.run(main())
