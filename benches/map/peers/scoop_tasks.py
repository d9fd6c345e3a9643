"""SCOOP: `python -m scoop -n 2 scoop_tasks.py …`. The program itself is one of the two workers, and runs most of the small
tasks of these cells itself: its figures are no network figures."""

import sys

from scoop import futures

import cells


def count_leaves(depth):
    if depth == 0:
        return 1
    return sum(futures.map(count_leaves, [depth - 1] * 2))


class Scoop:
    def map(self, function, items, single):
        if not single:
            raise cells.Unsupported("chunks")
        return list(futures.map(function, items))

    def call(self, function, item):
        return futures.submit(function, item).result()

    def call_all(self, function, items):
        handles = [futures.submit(function, item) for item in items]
        return [handle.result() for handle in handles]

    def reduce(self, function, folder, items):
        return futures.mapReduce(function, folder, list(items))

    def tree(self, depth):
        return futures.submit(count_leaves, depth).result()


if __name__ == "__main__":
    cells.run(Scoop())
