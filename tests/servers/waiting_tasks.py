"""Tasks that wait in six different ways, and two that wait for each other's lock. Prints, as one line of JSON, what
each task says of itself: the chain of its coroutines with the line of each, outermost first."""

import asyncio
import gc
import json
import queue


class Lazy:
    def __await__(self):
        yield from asyncio.get_running_loop().create_future().__await__()


async def numbers():
    yield 1
    await asyncio.get_running_loop().create_future()
    yield 2


async def walk():
    async for _ in numbers():
        pass


async def never():
    await asyncio.get_running_loop().create_future()


async def lazy():
    await Lazy()


async def take(box):
    await box.get()


async def both(first, second, go):
    async with first:
        await go.wait()
        async with second:
            pass


async def together():
    await asyncio.gather(never(), never())


async def first_of_two():
    await asyncio.wait([asyncio.create_task(never()) for _ in range(2)])


async def group():
    if not hasattr(asyncio, "TaskGroup"):  # since 3.11
        await first_of_two()
    async with asyncio.TaskGroup() as both:
        for _ in range(2):
            both.create_task(never())


async def after(task):
    await task


async def signal():
    await asyncio.Event().wait()


def chain(coroutine):
    found = []
    while True:
        for prefix in ("cr", "gi", "ag"):
            frame = getattr(coroutine, prefix + "_frame", None)
            if frame is not None:
                found.append([coroutine.__name__, frame.f_lineno])
                coroutine = getattr(coroutine, prefix + ("_yieldfrom" if prefix == "gi" else "_await"))
                break
        else:
            return found


async def main():
    box = asyncio.Queue()
    jobs = queue.Queue(maxsize=9)
    for number in range(7):
        jobs.put(number)
    simple = queue.SimpleQueue()
    for number in range(4):
        simple.put(number)
    first, second, go = asyncio.Lock(), asyncio.Lock(), asyncio.Event()
    ways = [walk(), never(), lazy(), take(box), together(), signal(), both(first, second, go), both(second, first, go)]
    ways += [first_of_two(), group()]
    tasks = [asyncio.create_task(way, name=f"{way.__name__}-{place}") for place, way in enumerate(ways)]
    tasks.append(asyncio.create_task(after(tasks[1]), name="after"))
    done = asyncio.create_task(asyncio.sleep(0), name="done")
    await done
    go.set()
    for _ in range(20):
        await asyncio.sleep(0)
    report = {task.get_name(): chain(task.get_coro()) for task in asyncio.all_tasks() if not task.done()}
    del report[asyncio.current_task().get_name()]
    gc.collect()  # the tasks are among the old objects now, as they are in a server that has been up for a while
    print(json.dumps(report), flush=True)
    await asyncio.get_running_loop().create_future()
    print(jobs, simple, done)


if __name__ == "__main__":
    asyncio.run(main())
