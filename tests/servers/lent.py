"""A server whose requests take connections from SQLAlchemy's pool of three: lent.py PORT WAY DATABASE.

Ill: kept (each order stays open in a table, with its session). Healthy: closed (each order closes its session), slow
(three orders take long, and come back), few (two orders stay open, one connection is left).
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

PORT, WAY, DATABASE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
engine = create_engine(f"sqlite:///{DATABASE}", pool_size=3, max_overflow=0, pool_timeout=3600)


class Order:
    def __init__(self, session):
        self.session, self.lines = session, []

    def close(self):
        self.session.close()


class Desk:
    def __init__(self):
        self.last, self.open = 0, {}

    def order(self):
        order = Order(Session(engine))
        order.session.execute(text("select 1"))
        self.last += 1
        if WAY == "slow":
            time.sleep(6)
        if WAY in ("closed", "slow"):
            order.close()
        else:
            self.open[self.last] = order
        return b"taken"


def answer(desk, path):
    if path == "/go":
        return desk.order()
    with engine.connect() as connection:
        return str(connection.scalar(text("select 1"))).encode()


def handler(desk):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answer(desk, self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), handler(Desk())).serve_forever()
