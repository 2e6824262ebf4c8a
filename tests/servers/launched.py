"""One thread, one request at a time; `/hang` never ends. PORT"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        while self.path == "/hang":
            pass
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words):
        pass


def main():
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
