"""A server that asks a peer for every answer: while the peer does not reply, neither does it.

asks_peer.py PORT FOLDER PEER_PORT
"""

import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

folder, peer = Path(sys.argv[2]), int(sys.argv[3])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with socket.create_connection(("127.0.0.1", peer)) as connection:
            connection.sendall(b"question\n")
            connection.recv(100)
        body = f"pid {os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


(folder / f"started-{os.getpid()}").write_text("")
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
