"""Dask.distributed"""

import logging

from dask.distributed import Client, LocalCluster

import cells


class Dask:
    def __init__(self, client):
        self.client = client

    def map(self, function, items, single):
        if not single:
            raise cells.Unsupported("chunks")
        return self.call_all(function, items)

    def call(self, function, item):
        return self.client.submit(function, item, pure=False).result()

    def call_all(self, function, items):
        return self.client.gather(self.client.map(function, items, pure=False))


if __name__ == "__main__":
    with LocalCluster(
        n_workers=cells.WORKERS,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    ) as cluster, Client(cluster) as client:
        cells.run(Dask(client))
