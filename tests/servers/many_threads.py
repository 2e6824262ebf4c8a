"""A server that starts a thread for each GET /go, which nobody ever ends: many_threads.py PORT."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

news = threading.Event()


def watch():
    news.wait()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/go":
            threading.Thread(target=watch, daemon=True).start()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


threading.stack_size(65536)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
