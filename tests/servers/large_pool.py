"""A healthy server with a large pool of threads that wait for news: large_pool.py PORT."""

import _thread
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

news = threading.Event()


def watch():
    news.wait()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


threading.stack_size(65536)
for _ in range(400):
    _thread.start_new_thread(watch, ())
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
