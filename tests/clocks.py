"""A wall clock for one program that the test sets while it runs; the machine's own clock is left alone."""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *moved;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("WALL_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *found = mmap(0, sizeof *moved, PROT_READ, MAP_SHARED, file, 0);
    if (found != MAP_FAILED) moved = found;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *found) {
    int done = syscall(SYS_clock_gettime, clock, found);
    if (!done && moved && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) found->tv_sec += *moved;
    return done;
}

int gettimeofday(struct timeval *found, void *zone) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    found->tv_sec = now.tv_sec;
    found->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *found) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (found) *found = now.tv_sec;
    return now.tv_sec;
}
"""


class Wall:
    """The clock on the wall of every program that is started with `env`."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("needs a C compiler, for a clock that can be set")
        library, name = folder / "wall.so", folder / "wall"
        words = [compiler, "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", str(library)]
        subprocess.run(words, input=SOURCE, text=True, check=True, timeout=100)
        name.write_bytes(bytes(8))
        self._file = name.open("r+b")
        self._moved = mmap.mmap(self._file.fileno(), 8)
        self.env = {"LD_PRELOAD": str(library), "WALL_CLOCK": str(name)}

    def move(self, seconds: float) -> None:
        """So far from the true time."""
        self._moved[:] = struct.pack("q", int(seconds))

    def set(self, moment: float) -> None:
        """To this moment, in seconds since the epoch."""
        self.move(moment - time.time())
