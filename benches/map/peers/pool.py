"""multiprocessing.Pool"""

import functools
import multiprocessing
import os

import cells


class Pool:
    def __init__(self, pool):
        self.pool = pool

    def map(self, function, items, single):
        # A worker's death hangs `map` for ever: bounded here, far above what any cell takes.
        results = self.pool.map_async(function, items, chunksize=1 if single else None)
        return results.get(timeout=LIMIT)

    def call(self, function, item):
        return self.pool.apply(function, (item,))

    def call_all(self, function, items):
        handles = [self.pool.apply_async(function, (item,)) for item in items]
        return [handle.get() for handle in handles]

    def reduce(self, function, folder, items):
        return functools.reduce(folder, self.pool.map(function, items))


LIMIT = int(os.environ.get("POOL_LIMIT", "60"))

if __name__ == "__main__":
    with multiprocessing.Pool(cells.WORKERS) as pool:
        cells.run(Pool(pool))
        # `terminate` can wait for ever, too, where a worker was killed while it held the lock of the queue.
        for worker in multiprocessing.active_children():
            worker.kill()
        os._exit(0)
