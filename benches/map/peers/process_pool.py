"""concurrent.futures.ProcessPoolExecutor"""

import functools
from concurrent.futures import ProcessPoolExecutor

import cells

CHUNK = 100


class Executor:
    """Also mpi4py's, which has the same interface."""

    def __init__(self, executor):
        self.executor = executor

    def map(self, function, items, single):
        return list(self.executor.map(function, items, chunksize=1 if single else CHUNK))

    def call(self, function, item):
        return self.executor.submit(function, item).result()

    def call_all(self, function, items):
        handles = [self.executor.submit(function, item) for item in items]
        return [handle.result() for handle in handles]

    def reduce(self, function, folder, items):
        return functools.reduce(folder, self.executor.map(function, items, chunksize=CHUNK))


if __name__ == "__main__":
    with ProcessPoolExecutor(cells.WORKERS) as executor:
        cells.run(Executor(executor))
