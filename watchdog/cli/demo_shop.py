"""A small shop with a real fault, for `wd demo`: an order and a refund take two locks in opposite order.

python demo_shop.py PORT
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

stock_lock = threading.Lock()
till_lock = threading.Lock()


def order() -> dict[str, str]:
    with stock_lock:
        time.sleep(0.2)
        with till_lock:
            return {"order": "paid"}


def refund() -> dict[str, str]:
    with till_lock:
        time.sleep(0.2)
        with stock_lock:
            return {"refund": "done"}


def health() -> dict[str, str]:
    with stock_lock:
        return {"status": "ok"}


ROUTES = {"/api/health": health, "/order": order, "/refund": refund}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        route = ROUTES.get(self.path)
        body = json.dumps(route() if route else {"error": "no such page"}).encode()
        self.send_response(200 if route else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
