"""One thread, one request at a time; `/hang` waits for a lock that its own thread has. PORT"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/hang":
            with lock:
                lock.acquire()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words):
        pass


def main():
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
