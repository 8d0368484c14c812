#!/bin/sh
# Submit a simulation and, for when it has succeeded, a summary of its results by a model on
# Bedrock. Run it on the login node, from this directory.
# Needs: sbatch, simulate.sh (yours) and summarize.sh (beside this file).
#
# The dependency stands on sbatch's command line because #SBATCH lines are comments: nothing in
# them is expanded. The first job's number goes to the second script as an argument.
set -eu
simulation=$(sbatch --parsable simulate.sh)
simulation=${simulation%%;*} # on a federation sbatch answers "id;cluster"
sbatch --dependency="afterok:$simulation" summarize.sh "$simulation"
