"""Greenlets in several kinds of wait. With "told" it asks each of them where it is, which changes how they are kept.

Prints one line of JSON when all of them wait: by name, the calls from outside in, as (function, line) where told and as
the function alone where not.
"""

import json
import sys

import gevent
from gevent.event import Event
from gevent.queue import Queue


def bare(queue):
    queue.get()


def deep(queue, depth):
    if depth:
        return deep(queue, depth - 1)
    return queue.get()


def sleeps(_):
    gevent.sleep(3600)


def key(queue):
    return queue.get()


def sorts(queue):
    # The call goes through C and back.
    return sorted([queue], key=key)


def inner(queue):
    yield queue.get()


def generates(queue):
    return list(inner(queue))


class Held:
    def __init__(self, queue):
        self.queue = queue
        queue.get()


def makes(queue):
    return max(map(Held, [queue]), default=None)


def told(waiting):
    found = {}
    for name, greenlet in waiting.items():
        frame, calls = greenlet.gr_frame, []
        while frame is not None:
            calls.append((frame.f_code.co_name, frame.f_lineno))
            frame = frame.f_back
        found[name] = calls[::-1]
    return found


def main():
    queue = Queue()
    waiting = {one.__name__: gevent.spawn(one, queue) for one in (bare, sleeps, sorts, generates, makes)}
    waiting["deep"] = gevent.spawn(deep, queue, 60)
    done = gevent.spawn(str, 1)
    done.join()
    gevent.sleep(0.01)
    unbegun = gevent.spawn_later(3600, bare, queue)
    print(json.dumps(told(waiting) if "told" in sys.argv else dict.fromkeys(waiting)), flush=True)
    Event().wait()
    print(unbegun)


main()
