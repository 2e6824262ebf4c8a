"""A server some of whose requests wait for what does not come: never_ends.py PORT WAY.

GET /go waits. WAY is child (for a child process, which the test stops) or again (a reader takes a lock of the
application's own making again, while a writer waits for it: /write). GET / answers, but under "again" it reads too.
"""

import subprocess
import sys
import threading
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, WAY = int(sys.argv[1]), sys.argv[2]


class Gate:
    """Many readers or one writer; a waiting writer goes first."""

    def __init__(self):
        self.changed, self.readers, self.writers = threading.Condition(), 0, 0
        self.writer_came = threading.Event()

    @contextmanager
    def reading(self):
        with self.changed:
            while self.writers:
                self.changed.wait()
            self.readers += 1
        try:
            yield
        finally:
            with self.changed:
                self.readers -= 1
                self.changed.notify_all()

    def write(self):
        with self.changed:
            self.writers += 1
            self.writer_came.set()
            while self.readers:
                self.changed.wait()
            self.writers -= 1


gate = Gate()


def read_inside():
    with gate.reading():  # takes it again
        return b"ok"


def read_twice():
    with gate.reading():
        gate.writer_came.wait()
        return read_inside()


def wait_for_child():
    subprocess.run(["sleep", "600"], check=False)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/write":
            gate.write()
        elif self.path == "/go":
            wait_for_child() if WAY == "child" else read_twice()
        with gate.reading() if WAY == "again" else nullcontext():
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
