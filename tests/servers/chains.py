"""A server whose processes never live long: chains.py PORT STYLE SECONDS ["apart"].

Each process forks the next one after so many seconds and ends. STYLE: fork, setsid (each in its own session), twice
(setsid and a second fork, so that nobody's parent lives). The process of the moment holds the listening socket; with
"apart" the first process keeps it and only starts the chain. It ends by itself after a minute.
"""

import os
import signal
import socket
import sys
import time


def go_on(style, seconds, end):
    while time.monotonic() < end:
        time.sleep(seconds)
        if os.fork():
            os._exit(0)
        if style != "fork":
            os.setsid()
        if style == "twice" and os.fork():
            os._exit(0)


def main():
    port, style, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    sock = socket.create_server(("127.0.0.1", port))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    end = time.monotonic() + 60
    if sys.argv[4:] == ["apart"]:
        if os.fork():
            while time.monotonic() < end:
                time.sleep(1)
            return
        sock.close()
    go_on(style, seconds, end)


main()
