"""A server whose GET /health always answers, whatever GET /go does: other_requests.py PORT WAY.

Ways without a fault: background (a child after the answer), stream (an answer with pauses), computing (two children),
event (a request waits for news), long (a request computes, and may end).
Ways with a fault: future (a request waits for work that nobody does), spin (a request computes without end).
"""

import concurrent.futures
import multiprocessing
import queue
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, WAY = int(sys.argv[1]), sys.argv[2]
kept = []


def convert():
    return subprocess.run(["sleep", "600"], check=False)


def background(_):
    threading.Thread(target=convert, daemon=True).start()


def stream(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"first\n")
    return next_event()


def next_event():
    return queue.Queue().get()


def compute():
    number = 0
    while number >= 0:
        number += 1


def computing(_):
    forking = multiprocessing.get_context("fork")
    for _ in range(2):
        kept.append(forking.Process(target=compute, daemon=True))
        kept[-1].start()


def event(_):
    return wait_for_news()


def wait_for_news():
    news = threading.Event()
    kept.append(news)
    return news.wait()


def long(_):
    return compute()


def future(_):
    return wait_for_payment()


def wait_for_payment():
    return concurrent.futures.Future().result()


def spin(_):
    return compute_without_end()


def compute_without_end():
    number = 0
    while True:
        number += 1


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/go":
            globals()[WAY](self)
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
