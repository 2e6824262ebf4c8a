"""Two greenlets that wait for each other's locks, and a third behind them. The first argument names the kind of lock.

Prints the lines of the two waits, and of what each holds, when all of them wait.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402

import gevent  # noqa: E402
from gevent.lock import BoundedSemaphore, RLock, Semaphore  # noqa: E402

KINDS = {"lock": threading.Lock, "bounded": BoundedSemaphore, "semaphore": Semaphore, "rlock": RLock}


class Account:
    def __init__(self, make):
        self.guard = make()


def move(source, target):
    with source.guard:
        gevent.sleep(0.1)
        with target.guard:
            pass


def audit(account):
    with account.guard:
        pass


first, second = Account(KINDS[sys.argv[1]]), Account(KINDS[sys.argv[1]])
gevent.spawn(move, first, second)
gevent.spawn(move, second, first)
gevent.sleep(0.5)
gevent.spawn(audit, first)
gevent.sleep(0.1)
print(json.dumps({"held": 26, "wanted": 28, "behind": 33}), flush=True)
gevent.sleep(3600)
