"""A server with moods: moody.py PORT [--load SECONDS] [--dies-after SECONDS] [--ignore-term] [--mark=TEXT]

GET /health answers, until /hang (every later answer waits for a lock that its own thread holds) or /grow (the same,
until /reset). `--load` waits before it listens, as a model does that is read; `--dies-after` ends it with two last
lines.
"""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

conversation = threading.Lock()
grown = threading.Event()


def option(name, otherwise=0.0):
    return float(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else otherwise


def die(after):
    time.sleep(after)
    print("reading the price list", flush=True)
    print("RuntimeError: price list is empty", flush=True)
    os._exit(7)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/hang":
            conversation.acquire()
            conversation.acquire()
        if self.path == "/grow":
            grown.set()
        if self.path == "/reset":
            grown.clear()
        else:
            while grown.is_set():
                time.sleep(0.05)
            with conversation:
                pass
        body = json.dumps({"pid": os.getpid()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if "--ignore-term" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(option("--load"))
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    if "--dies-after" in sys.argv:
        threading.Thread(target=die, args=(option("--dies-after"),), daemon=True).start()
    server.serve_forever()
