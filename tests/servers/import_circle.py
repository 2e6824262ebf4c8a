"""A module that waits, while it is imported, for a thread which imports that module."""

import pathlib
import sys
import tempfile
import threading
import time

SOURCE = """
import threading

def check():
    import slow_module
    slow_module.CHECKED = True

checker = threading.Thread(target=check, name="checker", daemon=True)
checker.start()
checker.join()
"""


def load():
    import slow_module

    return slow_module


folder = tempfile.mkdtemp()
pathlib.Path(folder, "slow_module.py").write_text(SOURCE)
sys.path.insert(0, folder)
thread = threading.Thread(target=load, name="loader", daemon=True)
thread.start()
while not any(one.name == "checker" for one in threading.enumerate()):
    time.sleep(0.02)
time.sleep(0.3)
print("ready", flush=True)
time.sleep(3600)
