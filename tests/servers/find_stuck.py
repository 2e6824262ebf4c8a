"""A process whose command line nobody can read: whoever tries is stuck with it. Needs root; ends by itself after 20 s.

find_stuck.py FOLDER

A file system without an answer to reads holds one thread inside the process's own memory lock; a second thread that
wants that lock for writing keeps all later readers out. Prints the pid when that is so, and ends at a line on stdin.
"""

import ctypes
import mmap
import os
import select
import signal
import struct
import sys
import threading
import time
from pathlib import Path

INIT, LOOKUP, GETATTR, OPEN, READ, OPENDIR, FORGET, BATCH_FORGET = 26, 1, 3, 14, 15, 27, 2, 42
libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def attributes(inode):
    mode, size = (0o40755, 0) if inode == 1 else (0o100644, 65536)
    return struct.pack("=6Q3I6II", inode, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(device, opcode, unique, inode):
    if opcode == INIT:
        body = struct.pack("=4I2H2I2HI7I", 7, 31, 65536, 0, 12, 9, 65536, 1, 16, 0, 0, *[0] * 7)
    elif opcode == LOOKUP:
        body = struct.pack("=4Q2I", 2, 1, 100, 100, 0, 0) + attributes(2)
    elif opcode == GETATTR:
        body = struct.pack("=Q2I", 100, 0, 0) + attributes(inode)
    elif opcode in (OPEN, OPENDIR):
        body = struct.pack("=Q2I", 1, 0, 0)
    else:
        os.write(device, struct.pack("=IiQ", 16, -38, unique))  # ENOSYS
        return
    os.write(device, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)


def victim(path):
    with Path(path).open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 65536, prot=mmap.PROT_READ)
    address = find_mapping(path)
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    threading.Thread(target=os.pread, args=(memory, 1, address), daemon=True).start()
    time.sleep(0.3)
    mmap.mmap(-1, 1 << 20)
    mapped.close()


def find_mapping(path):
    with Path("/proc/self/maps").open() as maps:
        return next(int(line.split("-")[0], 16) for line in maps if path in line)


def serve(folder):
    check(libc.unshare(0x00020000), "unshare")
    check(libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None), "private mounts")
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    check(libc.mount(b"stuck", folder.encode(), b"fuse", 0, options), "mount")
    signal.alarm(20)
    child = os.fork()
    if child == 0:
        os.close(device)
        victim(f"{folder}/file")
        os._exit(0)
    told = None
    while True:
        ready, _, _ = select.select([device, 0], [], [], 0.1)
        if 0 in ready:
            break
        if device in ready:
            request = os.read(device, 1 << 18)
            _, opcode, unique, inode = struct.unpack_from("=IIQQ", request)
            if opcode == READ:
                told = told or time.monotonic() + 0.8
            elif opcode not in (FORGET, BATCH_FORGET):
                answer(device, opcode, unique, inode)
        if told and time.monotonic() > told:
            print(child, flush=True)
            told = float("inf")
    os.kill(child, signal.SIGKILL)
    os.close(device)  # ends the file system and with it every wait for it
    os.waitpid(child, 0)


if __name__ == "__main__":
    serve(sys.argv[1])
