"""A server behind the request guard: guarded.py (asgi|wsgi) PORT. /ok answers, /slow waits, /stream begins and goes on,
/fail raises, /block blocks its thread (or the loop), /body reads what was sent."""

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "watchdog" / "library"))
from request_guard import GuardASGI, GuardWSGI


def stuck():
    time.sleep(3600)


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path = scope["path"]
    if path == "/slow":
        await asyncio.sleep(3600)
    if path == "/block":
        stuck()
    if path == "/fail":
        raise ValueError("on purpose")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if path == "/stream":
        await send({"type": "http.response.body", "body": b"first,", "more_body": True})
        await asyncio.sleep(1.5)
    await send({"type": "http.response.body", "body": b"done"})


def wsgi(environ, start_response):
    path = environ["PATH_INFO"]
    if path in ("/slow", "/block"):
        stuck()
    if path == "/fail":
        raise ValueError("on purpose")
    body = b"done"
    if path == "/body":
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return stream() if path == "/stream" else [body]


def stream():
    yield b"first,"
    time.sleep(1.5)
    yield b"done"


if __name__ == "__main__":
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "asgi":
        import uvicorn

        uvicorn.run(GuardASGI(asgi, seconds=0.7), host="127.0.0.1", port=port, log_level="warning")
    else:
        from socketserver import ThreadingMixIn
        from wsgiref.simple_server import WSGIServer, make_server

        class Server(ThreadingMixIn, WSGIServer):
            daemon_threads = True

        make_server("127.0.0.1", port, GuardWSGI(wsgi, seconds=0.7, most_left=2), Server).serve_forever()
