"""Servers that are hard to end: family.py PORT KIND; the pids that it starts are written to standard output.

KIND: ignore (SIGTERM), block (SIGTERM), term-forks (answers SIGTERM with a new child), escapes (a child by setsid, one
by double fork, one that ignores SIGTERM), hydra (forks without end, orphans in sessions of their own), bomb (all of it
forks as fast as it can; needs root, and runs as a user of its own who may have few processes), big (a lot of memory),
inherits (parent dead, the child holds the socket), slow (ends two seconds after SIGTERM), exits (ends at once on
SIGTERM).
"""

import os
import resource
import signal
import socket
import sys
import time

BOMBER, BOMB = 54321, 40  # the user of a bomb, and how many processes it may have


def listen(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(16)
    return sock


def say(text):
    os.write(1, f"{text}\n".encode())


def sleep_for_ever():
    while True:
        time.sleep(60)


def escapes():
    if os.fork() == 0:
        os.setsid()
        say(os.getpid())
        sleep_for_ever()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say(os.getpid())
        sleep_for_ever()
    if os.fork() == 0:
        if os.fork() == 0:
            say(os.getpid())
            sleep_for_ever()
        os._exit(0)
    os.wait()


def hydra():
    """Two chains: each head forks the next one after some ms, lives on a little, and leaves orphans behind."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: None)
    for _ in range(2):
        if os.fork() == 0:
            os.closerange(3, 100)  # the socket would give them away
            chain(time.monotonic() + 20)
            os._exit(0)


def chain(end):
    while time.monotonic() < end:
        time.sleep(0.015)
        if os.fork():
            time.sleep(0.3)
            os._exit(0)
        os.setsid()
        say(os.getpid())


def bomb():
    """It fills what its user may have, and again whatever is ended of it; after half a minute it ends by itself."""
    resource.setrlimit(resource.RLIMIT_NPROC, (BOMB, BOMB))
    os.setgroups([])
    os.setgid(BOMBER)
    os.setuid(BOMBER)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: None)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if os.fork() == 0:
                say(os.getpid())
        except OSError:
            time.sleep(0.001)
    os._exit(0)


def main():
    port, kind = int(sys.argv[1]), sys.argv[2]
    sock = listen(port)
    say(os.getpid())
    if kind == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if kind == "block":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    if kind == "slow":
        signal.signal(signal.SIGTERM, lambda *_: (time.sleep(2), os._exit(0)))
    if kind == "term-forks":

        def more(*_):
            if os.fork() == 0:
                os.setsid()
                say(os.getpid())

        signal.signal(signal.SIGTERM, more)
    if kind == "escapes":
        escapes()
    if kind == "hydra":
        hydra()
    if kind == "bomb":
        bomb()
    if kind == "big":
        kept = bytearray(512 * 1024 * 1024)
        for at in range(0, len(kept), 4096):
            kept[at] = 1
        say("full")
    if kind == "inherits":
        if os.fork():
            os._exit(0)
        say(os.getpid())
    while True:
        try:
            sock.accept()[0].close()
        except OSError:
            time.sleep(1)


main()
