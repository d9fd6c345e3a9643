"""Ray"""

import os

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"

import ray

import cells
import tasks


class Ray:
    def __init__(self):
        names = ["noop", "burn", "take", "give", "nap"]
        self.remote = {name: ray.remote(getattr(tasks, name)) for name in names}

    def map(self, function, items, single):
        if not single:
            raise cells.Unsupported("chunks")
        return self.call_all(function, items)

    def call(self, function, item):
        return ray.get(self.remote[function.__name__].remote(item))

    def call_all(self, function, items):
        task = self.remote[function.__name__]
        return ray.get([task.remote(item) for item in items])


if __name__ == "__main__":
    ray.init(num_cpus=cells.WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        cells.run(Ray())
    finally:
        ray.shutdown()
