"""Three ways to serve, each stuck in a request: asked.py (handler|wsgi|asgi) PORT"""

import asyncio
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from wsgiref.simple_server import make_server


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(3600)


def wsgi(environ, start_response):
    time.sleep(3600)


async def asgi(scope, receive, send):
    await asyncio.get_running_loop().create_future()


async def dispatch():
    scope = {"type": "http", "method": "GET", "path": "/orders/7", "query_string": b"full=1", "headers": []}
    await asyncio.create_task(asgi(scope, None, None), name="request")


kind, port = sys.argv[1], int(sys.argv[2])
if kind == "handler":
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
elif kind == "wsgi":
    make_server("127.0.0.1", port, wsgi).serve_forever()
else:
    print("ready", flush=True)
    asyncio.run(dispatch())
