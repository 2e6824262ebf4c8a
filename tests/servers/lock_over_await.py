"""A task that keeps a thread's lock over an await, and a second one that then blocks the whole loop on it."""

import asyncio
import threading

guard = threading.Lock()


async def keep():
    with guard:
        await asyncio.sleep(0.05)


def want():
    print("ready", flush=True)
    with guard:
        pass


async def main():
    task = asyncio.create_task(keep(), name="keeper")
    await asyncio.sleep(0)
    want()
    await task


asyncio.run(main())
