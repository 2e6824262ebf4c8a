"""A server whose main thread takes connections for a pool of two threads, which read them: spinning_pool.py PORT.

GET /go never comes back: one line of Python, again and again. The main thread stays free, and a third request unread.
"""

import queue
import selectors
import socket
import sys
import threading

jobs = queue.Queue()
closed = False


def settle():
    while not closed:
        pass


def work():
    while True:
        client = jobs.get()
        line = client.recv(65536)
        if b" /go" in line:
            settle()
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        client.close()


for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
with selectors.DefaultSelector() as selector:
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for _ in selector.select():
            jobs.put(listener.accept()[0])
