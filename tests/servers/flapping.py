"""A launcher whose server dies half a second after each start and is started again a second later.

flapping.py PORT
"""

import subprocess
import sys
import time

SERVER = """
import socket, sys, time
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    time.sleep(0.5)
"""

if __name__ == "__main__":
    while True:
        subprocess.run([sys.executable, "-c", SERVER, sys.argv[1]], check=False)
        time.sleep(1)
