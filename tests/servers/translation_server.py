"""A translation server: loads its model for long, then answers; a translation may keep memory and take its time.

translation_server.py PORT FOLDER

/translate?seconds=4 is a long one, /translate?keep=50 keeps 50 MiB for ever. Files in FOLDER say how it loads: `load`
is for how many seconds, and with `open` its port is open meanwhile and every answer a 503.
"""

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

folder = Path(sys.argv[2])
loaded = threading.Event()
kept = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = urlsplit(self.path)
        words = parse_qs(asked.query)
        if asked.path == "/translate" and loaded.is_set():
            kept.append(bytearray(int(words.get("keep", ["0"])[0]) << 20))
            time.sleep(float(words.get("seconds", ["0"])[0]))
        body = f"pid {os.getpid()}".encode()
        self.send_response(200 if loaded.is_set() else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def load():
    if (folder / "load").exists():
        time.sleep(float((folder / "load").read_text()))
    loaded.set()


(folder / f"started-{os.getpid()}").write_text("")
if (folder / "open").exists():
    threading.Thread(target=load, daemon=True).start()
else:
    load()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
