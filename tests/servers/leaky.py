"""Functions that leak in different ways, and some that do not. As a program: keeps a little more each moment."""

import functools
import time

KEPT = []
BLOBS = []
GROWING = []
calls = 0


class Order:
    def __init__(self):
        self.lines = [1, 2]


def keeps_an_object():
    KEPT.append(Order())


def keeps_bytes():
    BLOBS.append(bytes(5000))


def keeps_nothing():
    order = Order()
    order.itself = order  # a circle, which the collector takes


def costs_once():
    import xml.dom.minidom  # noqa: F401


@functools.lru_cache(maxsize=20)
def cached(number):
    return [number]


def fills_a_cache():
    global calls
    calls += 1
    cached(calls)


async def keeps_in_a_coroutine():
    KEPT.append([1])


def fails():
    raise ValueError("on purpose")


def never_ends():
    time.sleep(3600)


def says_much():
    print("x" * 100_000)


def grow():
    while True:
        GROWING.append(b"x" * 400_000)
        KEPT.append(Order())
        time.sleep(0.02)


if __name__ == "__main__":
    print("ready", flush=True)
    grow()
