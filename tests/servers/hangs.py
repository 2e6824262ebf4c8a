"""A threading server that goes wrong in the way it is told: hangs.py PORT FAULT [PEER PORT].

GET /health answers until GET /go was asked. Threads and locals are named so that a test can tell them.
"""

import asyncio
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, FAULT = int(sys.argv[1]), sys.argv[2]
PEER = int(sys.argv[3]) if len(sys.argv) > 3 else 0
gone_wrong = threading.Event()
first, second = threading.Lock(), threading.RLock()
kept = []


def spin():
    number = 0
    while number >= 0:
        number += 1


def pattern():
    return re.match(r"(a+)+$", "a" * 60 + "b")


def fits(number, numbers):
    return number in numbers


def members():
    return [numbers for numbers in (range(10), range(10**18)) if fits(2.5, numbers)]


def peer():
    with socket.create_connection(("127.0.0.1", PEER)) as sock:
        sock.sendall(b"hello\n")
        return sock.recv(100)


def one_way():
    with first:
        time.sleep(0.2)
        with second:
            pass


def other_way():
    with second:
        time.sleep(0.2)
        with first:
            pass


def lock():
    for work in (one_way, other_way):
        threading.Thread(target=work, name=work.__name__, daemon=True).start()
    time.sleep(0.5)
    with first:
        pass


def stop():
    os.kill(os.getpid(), signal.SIGSTOP)


def pipe():
    child = subprocess.Popen([sys.executable, "-c", "print('x' * 200_000)"], stdout=subprocess.PIPE)
    return child.wait()


def child():
    return subprocess.run(["sleep", "600"], check=False)


def descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
    while True:
        try:
            kept.append(open(__file__))  # noqa: SIM115, PTH123
        except OSError:
            time.sleep(0.05)


async def blocking():
    time.sleep(3600)


def loop():
    asyncio.run(blocking())


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/go":
            gone_wrong.set()
        if gone_wrong.is_set():
            globals()[FAULT]()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", PORT), Handler).serve_forever()
