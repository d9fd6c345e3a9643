"""The cells of the race, over what a peer can do.

A peer is an object with

    map(function, items, single)    all results, in order; `single`: one message for each task
    call(function, item)            one task, one result
    call_all(function, items)       so many calls at once, all results, in order

and raises `Unsupported` for what it cannot do. Each figure is printed as a line of JSON; whatever is wrong ends the
program with an exception.
"""

import json
import os
import signal
import sys
import threading
import time

import tasks

WORKERS = 2


class Unsupported(Exception):
    pass


def say(**line):
    print(json.dumps(line), flush=True)


def figure(metric, value, way=""):
    say(**{"is": "figure", "way": way, "metric": metric, "value": value})


def check(good, what):
    if not good:
        raise AssertionError(what)


def timed(action):
    start = time.perf_counter()
    result = action()
    return result, time.perf_counter() - start


def run_map(peer, sizes, single):
    count = sizes["tasks"]
    results, elapsed = timed(lambda: peer.map(tasks.noop, range(count), single))
    check(len(results) == count and sum(results) == count * (count - 1) // 2, "wrong results")
    figure("rate", count / elapsed)


def automatic(peer, sizes):
    run_map(peer, sizes, single=False)


def single(peer, sizes):
    run_map(peer, sizes, single=True)


def round_trip(peer, sizes):
    times = []
    for number in range(sizes["tasks"]):
        result, elapsed = timed(lambda: peer.call(tasks.noop, number))
        check(result == number, "wrong result")
        times.append(elapsed * 1e6)
    times.sort()
    figure("median", times[round((len(times) - 1) * 0.5)])
    figure("p99", times[round((len(times) - 1) * 0.99)])


def busy(peer, sizes):
    count, micros = sizes["tasks"], sizes["micros"]
    results, elapsed = timed(lambda: peer.map(tasks.burn, [micros] * count, True))
    check(results == [1] * count, "wrong results")
    figure("share", count * micros / 1e6 / WORKERS / elapsed)


def arguments(peer, sizes):
    for count in (8, sizes["pieces"]):
        results, elapsed = timed(lambda: peer.map(tasks.take, [tasks.PIECE] * count, True))
        check([tuple(result) for result in results] == [(1 << 20, 7)] * count, "wrong results")
    figure("speed", 1e-6 * count * (1 << 20) / elapsed)


def results(peer, sizes):
    for count in (8, sizes["pieces"]):
        given, elapsed = timed(lambda: peer.map(tasks.give, range(count), True))
        check(len(given) == count and all(piece == tasks.PIECE for piece in given), "wrong results")
        del given
    figure("speed", 1e-6 * count * (1 << 20) / elapsed)


def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name))


def growth(peer, sizes):
    small, large = sizes["small"], sizes["large"]
    check(sum(peer.map(tasks.noop, range(small), False)) == small * (small - 1) // 2, "wrong results")
    each = []
    for _ in range(sizes["repeats"]):
        results, elapsed = timed(lambda: peer.map(tasks.noop, range(small), False))
        check(sum(results) == small * (small - 1) // 2, "wrong results")
        each.append(elapsed * 1e9 / small)
    few = sorted(each)[len(each) // 2]
    before = status("VmRSS:")
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    results, elapsed = timed(lambda: peer.map(tasks.noop, range(large), False))
    check(sum(results) == large * (large - 1) // 2, "wrong results")
    many = elapsed * 1e9 / large
    figure("few", few)
    figure("many", many)
    figure("ratio", many / few)
    figure("before", before / 1024)
    figure("growth", (status("VmHWM:") - before) / 1024)


def kill_one(diary, after):
    time.sleep(after / 1e3)
    with open(diary) as lines:
        entries = [line.split() for line in lines if line.endswith("\n")]
    # Where the program itself works as well, it is spared.
    begun = [int(entry[2]) for entry in entries if entry[0] == "B" and int(entry[2]) != os.getpid()]
    check(begun, "no task has begun elsewhere")
    at = time.monotonic_ns()
    os.kill(begun[-1], signal.SIGKILL)
    say(**{"is": "killed", "pid": begun[-1], "at": at})


def kill(peer, sizes):
    count, micros, diary = sizes["tasks"], sizes["micros"], sizes["diary"]
    calm = diary + ".calm"
    results, elapsed = timed(lambda: peer.map(tasks.nap, [(calm, item, micros) for item in range(count)], True))
    check(list(results) == list(range(count)), "wrong results")
    say(**{"is": "calm", "seconds": elapsed})

    killer = threading.Thread(target=kill_one, args=(diary, sizes["after"]))
    items = [(diary, item, micros) for item in range(count)]
    killer.start()
    start = time.perf_counter()
    try:
        results = peer.map(tasks.nap, items, True)
        outcome = "complete" if list(results) == list(range(count)) else "wrong results"
    except Exception as error:
        outcome = type(error).__name__
    elapsed = time.perf_counter() - start
    killer.join()
    say(**{"is": "ended", "seconds": elapsed, "outcome": outcome})


def submits(peer, sizes):
    count = sizes["tasks"]
    results, elapsed = timed(lambda: peer.call_all(tasks.noop, range(count)))
    check(list(results) == list(range(count)), "wrong results")
    figure("rate", count / elapsed)


def reduce(peer, sizes):
    count = sizes["tasks"]
    total, elapsed = timed(lambda: peer.reduce(tasks.noop, tasks.add, range(count)))
    check(total == count * (count - 1) // 2, "wrong result")
    figure("rate", count / elapsed)


def tree(peer, sizes):
    depth = sizes["depth"]
    leaves, elapsed = timed(lambda: peer.tree(depth))
    check(leaves == 1 << depth, "wrong result")
    figure("rate", ((2 << depth) - 1) / elapsed)


CELLS = {
    "automatic": automatic,
    "single": single,
    "round-trip": round_trip,
    "busy-1ms": busy,
    "busy-10ms": busy,
    "arguments": arguments,
    "results": results,
    "growth": growth,
    "kill": kill,
    "kill-short": kill,
    "submits": submits,
    "reduce": reduce,
    "tree": tree,
}


def number(text):
    return int(text) if text.isdigit() else text


def run(peer):
    """Runs the cell that the command line names."""
    sizes = {name: number(value) for name, value in (word.split("=", 1) for word in sys.argv[2:])}
    # Every worker has started, and has worked.
    check(peer.map(tasks.burn, [20_000] * 8, True) == [1] * 8, "wrong results")
    CELLS[sys.argv[1]](peer, sizes)
