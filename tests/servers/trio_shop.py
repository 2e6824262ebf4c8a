"""An HTTP server on trio: `trio_shop.py PORT WAY`. `/go` does what the way says, all other pages answer."""

import functools
import sys

import trio

PORT, WAY = sys.argv[1:3]
places = trio.Semaphore(2)
till = trio.Lock()
ready = trio.Event()
send_news, news = trio.open_memory_channel(0)


async def keep_place() -> None:
    await places.acquire()
    with trio.move_on_after(0.05):
        await trio.sleep(10)
        places.release()


async def wait_for_sign() -> None:
    async with till:
        await ready.wait()


async def wait_a_little() -> None:
    async with places:
        await trio.sleep(0.2)


GO = {"places": keep_place, "sign": wait_for_sign, "well": wait_a_little}


async def health() -> None:
    if WAY == "places":
        async with places:
            pass
    elif WAY == "sign":
        async with till:
            pass


async def follow_news() -> None:
    async for _ in news:
        pass


async def answer(stream: trio.SocketStream) -> None:
    async with stream:
        request = await stream.receive_some(4096)
        await (GO[WAY] if b"/go" in request else health)()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


async def main() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow_news)
        await nursery.start(functools.partial(trio.serve_tcp, answer, int(PORT), host="127.0.0.1"))


trio.run(main)
