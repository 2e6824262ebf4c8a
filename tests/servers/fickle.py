"""A server that is wrong in ways that other checks do not see, as files in its folder say: fickle.py PORT FOLDER

    how-PID     that process from now on: `deaf` reads nothing, `headers` sends no body, `drip` one byte a second
    slow        each answer takes so many seconds; `fifth` each fifth one; `burn` so many of the CPU
    one-by-one  no answer begins before the one before is out
    locks       a question takes two locks, the next one the same two in the other order, and says so in its log
    pause       once: nothing of it runs for so many seconds but one thread, as in a garbage collection
    hang-after  each process hangs so many seconds after its start
    needs       a port; 503 while nobody there answers with a byte

Each question for /health leaves a line in `asked`. Other pages are quick: `wd ps` of another test asks for `/`.
"""

import contextlib
import itertools
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

folder = Path(sys.argv[2])
started = time.monotonic()
number = itertools.count(1)
one_by_one = threading.Lock()
cash, stock = threading.Lock(), threading.Lock()


def told(name):
    try:
        return (folder / name).read_text()
    except OSError:
        return ""


def pay():
    with cash:
        log("paying: has the cash, wants the stock")
        time.sleep(0.7)
        with stock:
            log("paid")


def refund():
    with stock:
        log("refunding: has the stock, wants the cash")
        time.sleep(0.7)
        with cash:
            log("refunded")


def log(text):
    print(time.strftime("%Y-%m-%d %H:%M:%S"), threading.current_thread().name, text, flush=True)


def dependency_answers(port):
    try:
        with socket.create_connection(("127.0.0.1", int(port)), 5) as sock:
            return sock.recv(1) != b""
    except OSError:
        return False


class Handler(BaseHTTPRequestHandler):
    def handle(self):
        hangs = told("hang-after") and time.monotonic() - started > float(told("hang-after"))
        if hangs or told(f"how-{os.getpid()}") == "deaf":
            time.sleep(3600)
        super().handle()

    def do_GET(self):
        if self.path == "/health":
            self.take_time()
        how, needs = told(f"how-{os.getpid()}"), told("needs")
        body = f"pid {os.getpid()}".encode()
        self.send_response(503 if needs and not dependency_answers(needs) else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if how == "headers":
            time.sleep(3600)
        for byte in body if how == "drip" else ():
            self.wfile.write(bytes([byte]))
            time.sleep(1)
        if how != "drip":
            self.wfile.write(body)

    def take_time(self):
        with (folder / "asked").open("a") as file:
            file.write(f"{os.getpid()}\n")
        fifth = told("fifth")
        if fifth and next(number) % 5 == 0:
            time.sleep(float(fifth))
        if told("locks"):
            (pay if next(number) % 2 else refund)()
        with one_by_one if told("one-by-one") else contextlib.nullcontext():
            time.sleep(float(told("slow") or 0))
        end = time.thread_time() + float(told("burn") or 0)
        while time.thread_time() < end:
            pass

    def log_message(self, *args):
        pass


def pause_when_told():
    while True:
        seconds = told("pause")
        if seconds:
            (folder / "pause").unlink()
            sys.setswitchinterval(1000)  # this thread keeps the interpreter for itself, and the CPU busy
            end = time.monotonic() + float(seconds)
            while time.monotonic() < end:
                pass
            sys.setswitchinterval(0.005)
        time.sleep(0.05)


(folder / f"started-{os.getpid()}").write_text("")
threading.Thread(target=pause_when_told, daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
