"""A process, its child and the child of that, each forked in a function of its own. Prints their pids, then waits."""

import os
import time


def first():
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        second(theirs)
    print(os.getpid(), child, os.read(ours, 20).decode(), flush=True)
    time.sleep(600)


def second(pipe):
    grandchild = os.fork()
    if grandchild:
        os.write(pipe, str(grandchild).encode())
    time.sleep(600)


first()
