"""Says what it may use, and can be told to use too much of it.

greedy.py PORT FOLDER: `eat` and `open` in the folder make it take memory and files until it ends.
"""

import json
import os
import resource
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

port, folder = int(sys.argv[1]), Path(sys.argv[2])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        allowed = {"open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0], "nice": os.nice(0), "pid": os.getpid()}
        body = json.dumps(allowed).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def eat():
    kept = []
    while True:
        if (folder / "eat").exists():
            kept.append(bytearray(b"x") * (8 << 20))
        elif (folder / "open").exists():
            kept.append(Path(__file__).open())  # noqa: SIM115
        else:
            time.sleep(0.02)


(folder / f"started-{os.getpid()}").write_text("")
threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever, daemon=True).start()
eat()
