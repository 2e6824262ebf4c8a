"""A loop whose task sits in a blocking call, three calls deep, while another task would be ready to go on."""

import asyncio
import time


def block():
    print("blocked", flush=True)
    time.sleep(3600)


async def inner():
    block()


async def outer():
    await inner()


async def victim():
    while True:
        await asyncio.sleep(0)


async def main():
    other = asyncio.create_task(victim(), name="victim")
    await asyncio.sleep(0)
    guilty = asyncio.create_task(outer(), name="guilty")
    await asyncio.gather(other, guilty)


asyncio.run(main())
