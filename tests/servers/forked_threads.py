"""A process that starts threads, forks, and prints its pid and that of its child, which has lost two of them."""

import os
import threading
import time


class Own(threading.Thread):
    def run(self):
        time.sleep(600)


def drain():
    time.sleep(600)


def short():
    pass


def start(thread):
    thread.daemon = True
    thread.start()
    return thread


start(threading.Thread(target=short, name="ended")).join()
start(threading.Thread(target=drain, name="drains"))
start(Own(name="own"))
ready, told = os.pipe()
child = os.fork()
if child == 0:
    start(threading.Thread(target=drain, name="living"))
    start(threading.Thread(target=short, name="ended too")).join()
    os.write(told, b".")
    time.sleep(600)
os.read(ready, 1)
print(os.getpid(), child, flush=True)
os.waitpid(child, 0)
