"""A server whose requests give work to child processes: given_to_children.py PORT WAY WORK."""

import asyncio
import http.server
import multiprocessing
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

SPAWNED = multiprocessing.get_context("fork")


def step(rate, left):
    return left - left * rate


def endless(rate):
    left = 1000.0
    while left > 1.0:
        left = step(rate, left)
    return left


def turned(heading, by):
    return (heading + by) % 360


def turning(target):
    heading, turns = 10, 0
    while heading != target:
        heading = turned(heading, 20)
        turns = min(turns + 1, 359)
    return turns


def walking(target):
    heading, turns, path = 10, 0, []
    while heading != target:
        heading = turned(heading, 20)
        turns += 1
        path.append(heading)
    return turns, path


def countdown(target):
    heading = 20_000
    while heading != target:
        heading = max(heading - 1, 0)
    return heading


def is_prime(number):
    divisor = 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 1
    return True


def honest(_):
    found, number = 0, 2
    while number < 10**9:
        found += is_prime(number)
        number += 1
    return found


WORK = {"endless": endless, "turning": turning, "walking": walking, "honest": honest, "countdown": countdown}
MADE = {}


def executor(work):
    MADE.setdefault("executor", ProcessPoolExecutor(1, mp_context=SPAWNED)).submit(work, 0).result()


def jobs(work):
    """One job after the other, all alike."""
    while True:
        executor(work)


def pool(work):
    MADE.setdefault("pool", SPAWNED.Pool(2)).apply(work, (0,))


def program(work):
    subprocess.run([sys.executable, __file__, "0", "child", work.__name__], stdout=subprocess.PIPE, check=False)


def loop(work):
    async def give():
        await asyncio.get_running_loop().run_in_executor(ProcessPoolExecutor(1, mp_context=SPAWNED), work, 0)

    asyncio.run(give())


WAYS = {"executor": executor, "jobs": jobs, "pool": pool, "program": program, "loop": loop}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/go":
            WAYS[sys.argv[2]](WORK[sys.argv[3]])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if sys.argv[2] == "child":
        WORK[sys.argv[3]](0)
    threading.current_thread().name = "main"
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
