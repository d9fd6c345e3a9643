"""What the workers of every peer run: the same as `src/ours`."""

import os
import time

PIECE = bytes([7]) * (1 << 20)


def noop(n):
    return n


def burn(micros):
    """Works for so long, by the processor time of this thread."""
    end = time.thread_time_ns() + micros * 1000
    while time.thread_time_ns() < end:
        pass
    return 1


def take(piece):
    return len(piece), piece[-1]


def give(_number):
    return PIECE


def add(a, b):
    return a + b


def write_line(diary, mark, item):
    line = f"{mark} {item} {os.getpid()} {time.monotonic_ns()}\n"
    file = os.open(diary, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def nap(arguments):
    """Notes when it begins and when it ends; sleeps in between."""
    diary, item, micros = arguments
    write_line(diary, "B", item)
    time.sleep(micros / 1e6)
    write_line(diary, "E", item)
    return item
