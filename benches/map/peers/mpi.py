"""mpi4py.futures: `mpiexec -n 3 python -m mpi4py.futures mpi.py …`, one rank of which is this program."""

from mpi4py.futures import MPIPoolExecutor

import cells
from process_pool import Executor

if __name__ == "__main__":
    with MPIPoolExecutor(cells.WORKERS) as executor:
        cells.run(Executor(executor))
