"""Servers beyond the usual size: `giant.py KIND PORT COUNT MARK`. They accept nothing, as a hung server does.

`MARK` is written when all is there; of `bare` it holds the addresses of the interpreter's own structures.
"""

import asyncio
import ctypes
import os
import resource
import socket
import sys
import threading
import time
from pathlib import Path

KEPT = []


def ready(text="ready"):
    mark = Path(sys.argv[4])
    mark.with_suffix(".new").write_text(text)
    mark.with_suffix(".new").rename(mark)


def threads(count):
    threading.stack_size(65536)
    hold = threading.Lock()
    hold.acquire()
    for _ in range(count):
        threading.Thread(target=hold.acquire, daemon=True).start()
    ready()
    time.sleep(3600)


def take_turn(hold):
    with hold:
        return


def convoy(count):
    """They queue for one lock, which the main thread keeps while it sleeps."""
    threading.stack_size(65536)
    hold = threading.Lock()
    with hold:
        for _ in range(count):
            threading.Thread(target=take_turn, args=(hold,), daemon=True).start()
        ready()
        time.sleep(3600)


def queue_of_tasks(count):
    """They queue for one lock, which a task keeps while it waits for what nobody sets."""

    async def keep(hold, news):
        async with hold:
            await news

    async def turn(hold):
        async with hold:
            pass

    async def main():
        hold, news = asyncio.Lock(), asyncio.get_running_loop().create_future()
        KEPT.append(asyncio.create_task(keep(hold, news)))
        await asyncio.sleep(0)
        KEPT.extend(asyncio.create_task(turn(hold)) for _ in range(count))
        await asyncio.sleep(0)
        ready()
        await asyncio.sleep(3600)

    asyncio.run(main())


def tasks(count):
    """They wait for one future, two calls deep."""

    async def inner(future):
        await future

    async def outer(future):
        await inner(future)

    async def main():
        future = asyncio.get_running_loop().create_future()
        KEPT.extend(asyncio.create_task(outer(future)) for _ in range(count))
        await asyncio.sleep(0)
        ready()
        await asyncio.sleep(3600)

    asyncio.run(main())


def descriptors(count):
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(count, allowed - 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, allowed))
    KEPT.extend(socket.socket(socket.AF_UNIX) for _ in range(count // 2))
    KEPT.extend(os.open("/dev/null", os.O_RDONLY) for _ in range(count // 2))
    ready()
    time.sleep(3600)


def memory(count):
    """So many MiB: a tenth in objects of the interpreter, the rest in plain bytes."""
    KEPT.append([str(number) for number in range(count * 1700)])
    KEPT.append(b"x" * ((count - count // 10) << 20))
    ready()
    time.sleep(3600)


def bare(_):
    """It never runs another instruction of Python: whoever spoils its structures does not end it."""
    runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    state = ctypes.pythonapi.PyThreadState_Get
    state.restype = ctypes.c_void_p
    sleep = ctypes.PyDLL(None).sleep
    ready(" ".join(map(str, (runtime, state(), id(sys._getframe()), id(sys.modules), id(type(sys))))))
    sleep(3600)


if __name__ == "__main__":
    KEPT.append(socket.create_server(("127.0.0.1", int(sys.argv[2]))))
    globals()[sys.argv[1]](int(sys.argv[3]))
