"""Serves on the socket that it is given, as LISTEN_FDS says, else on its own; can be told to end or to start slowly.

held.py PORT FOLDER
"""

import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

port, folder = int(sys.argv[1]), Path(sys.argv[2])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            os._exit(3)
        if (folder / "late").exists():
            time.sleep(float((folder / "late").read_text()))
        body = f"pid {os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False  # requests under way are answered before the end


(folder / f"started-{os.getpid()}").write_text("")
if (folder / "fails").exists():
    raise SystemExit("told to fail")
given = os.environ.get("LISTEN_PID") == str(os.getpid()) and int(os.environ["LISTEN_FDS"]) == 1
if given:
    server = Server(("127.0.0.1", port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=3)
else:
    server = Server(("127.0.0.1", port), Handler)
if (folder / "load").exists():
    time.sleep(float((folder / "load").read_text()))
if (folder / "mortal").exists():
    threading.Timer(float((folder / "mortal").read_text()), os._exit, (7,)).start()
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever(poll_interval=0.05)
server.server_close()
