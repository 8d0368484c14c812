#!/bin/bash
#SBATCH --job-name=mpi-simulation
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=32
#SBATCH --time=08:00:00
# An MPI job: one call to STS; every rank on every node gets the keys from the launcher.
# Needs: an MPI whose ranks start through srun, and a role that allows 8 hours (see job.sh).
#
# It needs no file on a shared file system: srun and mpirun pass the environment to the ranks.
exec aws-role-exec \
  --role-arn arn:aws:iam::123456789012:role/hpc-simulation-s3 \
  --duration 08:00:00 \
  --session-name "slurm-${SLURM_JOB_ID}" \
  -- srun ./simulation --checkpoint-bucket s3://sim-bucket/checkpoints/
