"""An MPI program: rank 0 says on which node each rank runs and which access key it holds."""

import os

from mpi4py import MPI

mine = f"{os.environ['SLURMD_NODENAME']}:{os.environ['AWS_ACCESS_KEY_ID']}"
gathered = MPI.COMM_WORLD.gather(mine)
if gathered is not None:
    print("gathered", *sorted(gathered), flush=True)
