"""A server whose scale is read through a C function that keeps the interpreter's lock: keeps_interpreter.py PORT."""

import ctypes
import http.server
import os
import sys

READ, WRITE = os.pipe()


def weigh(way):
    library = ctypes.PyDLL(None) if way == "keeps" else ctypes.CDLL(None)
    return library.read(READ, ctypes.create_string_buffer(16), 16)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/go":
            weigh(sys.argv[2])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
