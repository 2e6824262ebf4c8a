"""Tells its shim how it is (sd_notify), as files in its folder say.

tells.py PORT FOLDER: `late` holds READY=1 back until it is gone, `mute` stops the heartbeat, `leave` makes it end as it
announces, `helper` lets READY=1 be sent by a child, `stranger` keeps it quiet.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

port, folder = int(sys.argv[1]), Path(sys.argv[2])
address = os.environ.get("NOTIFY_SOCKET", "")


def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:])
        sock.sendall(text.encode())


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if leaving.is_set():
            self.send_error(503)
            return
        body = f"pid {os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def lead():
    while (folder / "late").exists():
        time.sleep(0.02)
    if (folder / "helper").exists():
        words = f"s = socket.socket(1, 2); s.connect('\\0' + {address[1:]!r}); s.sendall(b'READY=1'); input()"
        with subprocess.Popen([sys.executable, "-c", f"import socket; {words}"], stdin=subprocess.PIPE):
            while (folder / "helper").exists():
                time.sleep(0.02)
    elif not (folder / "stranger").exists():
        tell("READY=1\nSTATUS=serving")
    limit = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
    while not (folder / "leave").exists():
        if limit and not (folder / "mute").exists():
            tell("WATCHDOG=1")
        time.sleep(min(0.1, limit / 4 or 0.1))
    leaving.set()
    tell("STOPPING=1")
    while (folder / "leave").exists():
        time.sleep(0.02)
    os._exit(0)


(folder / f"started-{os.getpid()}").write_text("")
(folder / "address").write_text(address)
leaving = threading.Event()
server = ThreadingHTTPServer(("127.0.0.1", port), Handler, bind_and_activate=False)
if os.environ.get("LISTEN_PID") == str(os.getpid()):
    server.socket.close()
    server.socket = socket.socket(fileno=3)
else:
    server.server_bind()
    server.server_activate()
threading.Thread(target=lead, daemon=True).start()
server.serve_forever()
