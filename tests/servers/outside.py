"""A server whose /go waits for something outside of it. How is the second argument.

fifo      a child opens a named pipe that nobody writes
polls     it polls a lock on a file that another program holds
reports   a child reports its progress, line by line
returns   an early return keeps the lock of the desk
"""

import fcntl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, WAY, PLACE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
REPORT = "import time\nfor n in range(600):\n    print(n, flush=True)\n    time.sleep(0.1)\n"
desk = threading.Lock()
progress = []


def through_fifo():
    subprocess.run(["cat", PLACE], capture_output=True)


def polls_lock():
    with Path(PLACE).open("a") as guard:
        while True:
            try:
                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.1)


def reads_report():
    child = subprocess.Popen([sys.executable, "-c", REPORT], stdout=subprocess.PIPE)
    for line in child.stdout:
        progress.append(line)


def cancel(guest):
    desk.acquire()
    if guest not in progress:
        return
    desk.release()


def reserve():
    with desk:
        progress.append("guest")


DO = {"fifo": through_fifo, "polls": polls_lock, "reports": reads_report, "returns": reserve}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/cancel":
            cancel("nobody")
        elif self.path == "/go" or WAY in ("fifo", "polls"):
            DO[WAY]()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
