"""A child that is forked while a thread of its parent holds a lock, and then wants it. Prints the child's pid."""

import os
import pathlib
import threading
import time

stats_lock = threading.Lock()


def publish():
    with stats_lock:
        taken.set()
        time.sleep(3600)


def count():
    with stats_lock:
        pass


taken = threading.Event()
threading.Thread(target=publish, daemon=True).start()
taken.wait()
pid = os.fork()
if pid == 0:
    count()
while pathlib.Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "S":
    time.sleep(0.02)
time.sleep(0.3)
print(pid, flush=True)
time.sleep(3600)
