#!/bin/sh
# Submit a simulation and, after it has succeeded, a summary of its results by a model on Bedrock.
# Run it on the login node, from this directory.
# Needs: sbatch, simulate.sh (yours) and summarize.sh (beside this file).
#
# The dependency is on sbatch's command line because #SBATCH lines are comments, in which nothing is
# expanded. The second script gets the first job's ID as an argument.
set -eu
simulation=$(sbatch --parsable simulate.sh)
simulation=${simulation%%;*} # in a federation, sbatch prints "id;cluster"
sbatch --dependency="afterok:$simulation" summarize.sh "$simulation"
