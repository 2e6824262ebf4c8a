"""A server that does what files in its folder say: slow, down, hang, die; and `load` is how long it starts.

switch.py PORT FOLDER
"""

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

folder = Path(sys.argv[2])


def told(name):
    try:
        return float((folder / name).read_text() or "3600")
    except OSError:
        return None


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/work":
            time.sleep(told("work") or 1)
        else:
            time.sleep(told("hang") or told("slow") or 0)
        status = 503 if told("down") is not None else 200
        body = f"pid {os.getpid()}".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def die_in_time():
    lifetime = told("die")
    if lifetime is not None:
        time.sleep(lifetime)
        os._exit(7)


(folder / f"started-{os.getpid()}").write_text("")
kept = bytearray(int((told("memory") or 0) * (1 << 20)))
time.sleep(told("load") or 0)
threading.Thread(target=die_in_time, daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
