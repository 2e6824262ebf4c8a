"""Dozens of tasks, suspended in each way that asyncio offers: many_tasks.py main|thread|uvloop. Prints, as one line of
JSON, what each task says of itself: the chain of its coroutines with the line of each, outermost first."""

import asyncio
import contextlib
import gc
import json
import sys
import threading

from waiting_tasks import chain


async def leaf():
    await asyncio.get_running_loop().create_future()


async def nest(depth):
    if depth:
        await nest(depth - 1)
    else:
        await leaf()


async def numbers():
    yield 1
    await leaf()
    yield 2


async def comprehension():
    return [one async for one in numbers()]


async def late():
    await leaf()
    yield 1


async def following():
    await late().__anext__()


async def catching():
    try:
        yield 1
    except ValueError:
        await leaf()
    yield 2


async def throwing():
    generator = catching()
    await generator.asend(None)
    await generator.athrow(ValueError())


async def ending():
    try:
        yield 1
    finally:
        await leaf()


async def closing():
    generator = ending()
    await generator.asend(None)
    await generator.aclose()


@contextlib.asynccontextmanager
async def manager():
    await leaf()
    yield


async def managed():
    async with manager():
        pass


async def gathered():
    await asyncio.gather(*(leaf() for _ in range(20)))


async def grouped():
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(nest(number), name=f"grouped-{number}")


async def bounded():
    await asyncio.wait_for(leaf(), 9999)


async def waiting():
    await asyncio.wait([asyncio.create_task(leaf(), name="waited")])


async def shielded():
    await asyncio.shield(leaf())


async def limited():
    async with asyncio.Semaphore(1):
        await leaf()


async def told():
    changed = asyncio.Condition()
    async with changed:
        await changed.wait()


async def taking():
    await asyncio.Queue().get()


async def in_thread():
    await asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)


async def sleeping():
    await asyncio.sleep(99999)


class OtherTask(asyncio.Task):
    pass


WAYS = [
    comprehension, following, throwing, closing, managed, gathered, bounded, waiting, shielded, limited, told, taking,
    in_thread, sleeping,
]  # fmt: skip


async def main():
    loop = asyncio.get_running_loop()
    ways = WAYS + ([grouped] if sys.version_info >= (3, 11) else [])
    tasks = [asyncio.create_task(way(), name=way.__name__) for way in ways]
    tasks += [asyncio.create_task(nest(depth), name=f"nest-{depth}") for depth in range(0, 30, 3)]
    tasks.append(OtherTask(leaf(), loop=loop, name="other"))
    if sys.version_info >= (3, 12):
        tasks.append(asyncio.Task(nest(3), loop=loop, name="eager", eager_start=True))
    for _ in range(50):
        await asyncio.sleep(0)
    report = {task.get_name(): chain(task.get_coro()) for task in asyncio.all_tasks()}
    del report[asyncio.current_task().get_name()]
    gc.collect()
    print(json.dumps(report), flush=True)
    await leaf()
    print(tasks)


if sys.argv[1:] == ["uvloop"]:
    import uvloop

    uvloop.run(main())
elif sys.argv[1:] == ["thread"]:
    threading.Thread(target=asyncio.run, args=(main(),)).start()
else:
    asyncio.run(main())
