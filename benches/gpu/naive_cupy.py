#!/usr/bin/env python3
"""The same work as one writes it first in CuPy: a pageable copy in, a kernel, a copy out, and a wait for each batch.

Prints a table in Markdown beside the race's. Where there is no CuPy, or no GPU, it says so, with exit status 77.

    naive_cupy.py [--quick] [--rounds N]
"""

import argparse
import sys
import time

FLIP = float(1 << 20)  # the kernel makes FLIP - v of v, exactly: all are whole numbers
MIB = 1 << 20
LEFT_OUT = 77  # the exit status of what was not run
SIZES = [(MIB // 4, 2000), (MIB, 1000), (4 * MIB, 400), (16 * MIB, 100)]
BUFFERS = 6  # as many as the race's loop has with three slots


def quantile(figures, share):
    place = share * (len(figures) - 1)
    below = int(place)
    above = min(below + 1, len(figures) - 1)
    return figures[below] * (1 - place + below) + figures[above] * (place - below)


def show(figures):
    figures = sorted(figures)
    return "{:.4g} ({:.4g}–{:.4g})".format(*(quantile(figures, share) for share in (0.5, 0.1, 0.9)))


def race(cupy, numpy, kernel, buffers, count):
    """Seconds for each batch. Every result is looked at; the last of each buffer as a whole."""
    length = len(buffers[0])
    results = [numpy.zeros(length, numpy.float32) for _ in buffers]
    before = None
    for number in range(-count // 10, count):
        if number == 0:
            before = time.perf_counter()
        which = number % len(buffers)
        batch = buffers[which]
        batch[1] = number % (1 << 19)
        on_device = cupy.asarray(batch)
        kernel(numpy.float32(-1), numpy.float32(FLIP), on_device, on_device)
        on_device.get(out=results[which])
        cupy.cuda.Stream.null.synchronize()
        result = results[which]
        place = 2 + (number * 7919) % (length - 2)
        if result[1] != FLIP - batch[1] or result[place] != FLIP - batch[place]:
            raise SystemExit(f"naive_cupy: batch {number} is wrong")
    seconds = (time.perf_counter() - before) / count
    for batch, result in zip(buffers, results):
        if not (result == FLIP - batch).all():
            raise SystemExit("naive_cupy: a result is wrong")
    return seconds


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true")
    options.add_argument("--rounds", type=int, default=9)
    options = options.parse_args()
    if options.rounds < 1:
        sys.exit("--rounds: at least one")
    try:
        import cupy
        import numpy
    except ImportError as error:
        print(f"CuPy was left out: {error}. `pip install cupy-cuda13x` (or `cupy-cuda12x`) installs it.")
        sys.exit(LEFT_OUT)
    try:
        name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
        driver = cupy.cuda.runtime.driverGetVersion()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        print(f"CuPy was left out: it has no GPU ({error}).")
        sys.exit(LEFT_OUT)
    kernel = cupy.ElementwiseKernel("float32 a, float32 b, float32 v", "float32 w", "w = a * v + b", "affine")
    random = numpy.random.default_rng(1)
    print("#### CuPy, naively: a pageable copy and a wait for each batch\n")
    print(f"CuPy {cupy.__version__}, numpy {numpy.__version__}, CPython {sys.version.split()[0]}; {name}, driver for CUDA "
          f"{driver // 1000}.{driver % 1000 // 10}. {options.rounds} rounds.\n")
    print("| batch | CuPy, µs/batch | GB/s each way |")
    print("|---|--:|--:|")
    for size, count in SIZES:
        count = max(count // 20, 20) if options.quick else count
        length = size // 4
        buffers = [random.integers(0, 1 << 20, length).astype(numpy.float32) for _ in range(BUFFERS)]
        micros = [1e6 * race(cupy, numpy, kernel, buffers, count) for _ in range(options.rounds)]
        label = f"{size >> 20} MiB" if size >= MIB else f"{size >> 10} KiB"
        print(f"| {label} | {show(micros)} | {size / quantile(sorted(micros), 0.5) / 1e3:.3g} |", flush=True)
    print("\nGoal: a stage with three slots at 4 MiB has at least three times this throughput (`streaming`, above).")


if __name__ == "__main__":
    main()
