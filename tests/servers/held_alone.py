"""Tasks and threads that wait: alone-* for what nobody else has, held-* for what somebody has. Prints the kernel's ids
of the threads, by name."""

import asyncio
import dataclasses
import functools
import gc
import json
import queue
import threading
from concurrent.futures import Future

KEPT = []


@dataclasses.dataclass
class Query:
    code: str
    done: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)


async def event(keep):
    done = asyncio.Event()
    if keep:
        KEPT.append(done)
    await done.wait()


async def owner(keep):
    query = Query("x")
    if keep:
        KEPT.append(query)
    await query.done.wait()


async def owner_of_sign(keep):
    query = Query("x")
    if keep:
        KEPT.append(query.done)
    await query.done.wait()


async def future(keep):
    given = asyncio.get_running_loop().create_future()
    if keep:
        KEPT.append(given)
    await given


async def called_back(keep):
    given = asyncio.get_running_loop().create_future()
    if keep:
        asyncio.get_running_loop().call_later(3600, given.set_result, 1)
    return await given


async def box(keep):
    news = asyncio.Queue()
    if keep:
        KEPT.append(functools.partial(news.put_nowait, 1))
    return await news.get()


async def closure(keep):
    done = asyncio.Event()

    def give():
        done.set()

    if keep:
        KEPT.append(give)
    del give
    await done.wait()


async def argument(done):
    await done.wait()


async def passed(keep):
    done = asyncio.Event()
    if keep:
        KEPT.append(done)
    await argument(done)


def thread_event(keep):
    done = threading.Event()
    if keep:
        KEPT.append(done)
    done.wait()


def thread_owner(keep):
    order = Order()
    if keep:
        KEPT.append(order)
    order.done.wait()


def thread_future(keep):
    given = Future()
    if keep:
        KEPT.append(given.set_result)
    return given.result()


def thread_box(keep):
    news = queue.Queue()
    if keep:
        KEPT.append(news)
    return news.get()


class Order:
    def __init__(self):
        self.done = threading.Event()


def start_threads():
    for way in (thread_event, thread_owner, thread_future, thread_box):
        for keep in (False, True):
            name = f"{'held' if keep else 'alone'}-{way.__name__}"
            threading.Thread(target=way, args=(keep,), name=name, daemon=True).start()


async def main():
    start_threads()
    ways = (event, owner, owner_of_sign, future, called_back, box, closure, passed)
    tasks = [
        asyncio.create_task(way(keep), name=f"{'held' if keep else 'alone'}-{way.__name__}")
        for way in ways
        for keep in (False, True)
    ]
    await asyncio.sleep(0.05)
    gc.collect()
    print(json.dumps({one.name: one.native_id for one in threading.enumerate()}), flush=True)
    await asyncio.sleep(3600)
    del tasks


asyncio.run(main())
