"""A server of whose code every function claims to stand in another file: `names.py PORT FILE …`.

`/hang` never answers: it stands in one function of each of the named files. A word that begins with "fd1=" is opened
as its standard output without the right to read it.
"""

import http.server
import os
import sys
import time

OPENED_ONLY = getattr(os, "O_PATH", os.O_RDONLY)


def hang(files):
    call = time.sleep
    for number, file in enumerate(files):
        space = {"inner": call}
        exec(compile(f"def call_{number}(seconds):\n    inner(seconds)\n", file, "exec"), space)
        call = space[f"call_{number}"]
    call(600)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/hang":
            hang([word for word in sys.argv[2:] if not word.startswith("fd1=")])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words):
        pass


for word in sys.argv[2:]:
    if word.startswith("fd1="):
        os.dup2(os.open(word[4:], OPENED_ONLY), 1)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
