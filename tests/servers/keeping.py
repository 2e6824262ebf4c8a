"""A program that keeps things in every place where programs do, and asks nobody. Prints a line when all is there."""

import atexit
import collections
import functools
import time

EVENTS = [bytes(1000) for _ in range(3000)]
SMALL = [1, 2, 3]
EXPORT = {"all": bytes(5_000_000)}


class Registry:
    shared = {number: str(number) for number in range(200)}  # noqa: RUF012 - as programs do

    def __init__(self):
        self.seen = set(range(500))
        self.recent = collections.deque(range(300))
        self.table = {"inner": list(range(400))}


class Metrics:
    def __init__(self):
        self.series = {number: [number] for number in range(600)}


registry = Registry()
atexit.register(functools.partial(print, Metrics()))  # no variable of the program leads to it


def make_counter():
    counted = list(range(800))

    def count():
        return len(counted)

    return count


def render(kind, parts=list(range(900)), style="plain"):  # noqa: B006 - as programs do
    return parts


count = make_counter()


def build_export():
    rows = [(number,) for number in range(700)]
    print("ready", flush=True)
    time.sleep(3600)
    return rows


build_export()
