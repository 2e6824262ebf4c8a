"""A master that listens and forks the children that serve: dies_young.py PORT WAY.

Ill: table (each child dies of an error while it reads its table, a moment after it began). Healthy: shifts (each child
serves for a second and ends, and another one follows).
"""

import os
import socket
import sys
import time
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT, WAY = int(sys.argv[1]), sys.argv[2]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def log_message(self, *args):
        pass


def table():
    return [int(one) for one in ("1", "2", "three")] if WAY == "table" else []


def serve(sock):
    table()
    server = HTTPServer(sock.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket, server.timeout = sock, 0.2
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        server.handle_request()


def run(sock):
    while True:
        for _ in range(2):
            if os.fork() == 0:
                return
        for _ in range(2):
            os.wait()
        time.sleep(0.2 if WAY == "table" else 0.0)


if __name__ == "__main__":
    sock = socket.create_server(("127.0.0.1", PORT), backlog=64)
    run(sock)  # comes back in each child
    try:
        serve(sock)
    except ValueError:
        traceback.print_exc()
    os._exit(0)
