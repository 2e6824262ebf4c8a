"""A server that shares a lock with a process of its own: shared_locks.py PORT WAY. Its GET /health takes the lock.

Ways: killed (the other process has the lock, and is killed by GET /go), kept (it has the lock, and lives), passed (it
takes the lock and gives it back all the time), left (it has taken the lock and does not give it back).
"""

import multiprocessing
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, WAY = int(sys.argv[1]), sys.argv[2]
forking = multiprocessing.get_context("fork")
lock, taken = forking.Lock(), forking.Event()


def keeps():
    with lock:
        taken.set()
        time.sleep(600)


def passes():
    taken.set()
    while True:
        with lock:
            time.sleep(0.01)
        time.sleep(0.005)


def take():
    lock.acquire()
    taken.set()


def leaves():
    take()
    time.sleep(600)


other = forking.Process(target={"passed": passes, "left": leaves}.get(WAY, keeps), daemon=True)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/go":
            if WAY == "killed":
                os.kill(other.pid, signal.SIGKILL)
                other.join()
        else:
            self.count()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def count(self):
        with lock:
            return 1

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    other.start()
    taken.wait()
    Server(("127.0.0.1", PORT), Handler).serve_forever()
