"""A small threading server: GET /health answers, /spin, /sleep and /stop go wrong on purpose.

plain.py PORT [--ignore-term] [--single]
"""

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/spin":
            while True:
                pass
        if self.path == "/sleep":
            time.sleep(3600)
        if self.path == "/stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        body = f'{{"status": "ok", "pid": {os.getpid()}, "threads": {threading.active_count()}}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    if "--ignore-term" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kind = HTTPServer if "--single" in sys.argv else ThreadingHTTPServer
    kind(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
