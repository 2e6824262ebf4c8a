"""The wrong one of two scripts: it answers as the translation server does, and dies 2.7 seconds after its start.

translation_draft.py PORT FOLDER
"""

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LIFETIME = 2.7


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"pid {os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


(Path(sys.argv[2]) / f"started-{os.getpid()}").write_text("")
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
time.sleep(LIFETIME)
raise RuntimeError("the model store is not configured")
