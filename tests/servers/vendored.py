"""A web server whose libraries lie in a folder of its own, as `pip install --target` puts them there."""

import sys
import threading

sys.path.insert(0, sys.argv[3])

import flask
import werkzeug.serving
from werkzeug.http import parse_date

PORT, PEER = int(sys.argv[1]), int(sys.argv[2])
app = flask.Flask(__name__)
stock = threading.Lock()


@app.get("/health")
def health() -> str:
    return "ok"


@app.get("/peer")
def ask_peer() -> str:
    import urllib3

    return urllib3.PoolManager().request("GET", f"http://127.0.0.1:{PEER}/").data.decode()


@app.get("/lock")
def take_twice() -> str:
    with stock, stock:
        return "never"


@app.get("/dates")
def read_dates() -> str:
    while True:
        parse_date("Sun, 06 Nov 1994 08:49:37 GMT")


werkzeug.serving.run_simple("127.0.0.1", PORT, app)
