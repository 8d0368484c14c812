#!/bin/bash
# Install aws-role-exec on a node of AWS ParallelCluster and give roles to its Slurm jobs.
# Needs: the archive for Linux and roles.map at the URL in the first argument; the AWS CLI, which
# ParallelCluster's images have. Run as root, by OnNodeConfigured, on the head node and
# on every compute node.
set -euo pipefail

from=$1
root=${ROOT-} # another root directory, for a test
[ "$(uname -m)" = aarch64 ] && arch=arm64 || arch=amd64

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
aws s3 cp --only-show-errors "$from/aws-role-exec_linux_$arch.tar.gz" "$scratch/archive"
aws s3 cp --only-show-errors "$from/roles.map" "$scratch/roles.map"
tar -xzf "$scratch/archive" -C "$scratch"
"$scratch/schedulers/roles/job-credentials" check "$scratch/roles.map"

# On every node: the program, the script that the others call, and the map.
install -D -m 0755 "$scratch/aws-role-exec" "$root/usr/local/bin/aws-role-exec"
install -D -m 0755 "$scratch/schedulers/roles/job-credentials" \
  "$root/usr/libexec/aws-role-exec/job-credentials"
install -D -m 0644 "$scratch/roles.map" "$root/etc/aws-role-exec/roles.map"

# On the head node: Slurm's scripts. All nodes share its /opt/slurm, and ParallelCluster runs the
# scripts in prolog.d and epilog.d.
cfn_node_type=
# shellcheck source=/dev/null
. "$root/etc/parallelcluster/cfnconfig"
if [ "$cfn_node_type" = HeadNode ]; then
  slurm=$root/opt/slurm/etc
  install -D -m 0755 "$scratch/schedulers/slurm/prolog.sh" \
    "$slurm/scripts/prolog.d/50_aws_role_exec"
  install -D -m 0755 "$scratch/schedulers/slurm/epilog.sh" \
    "$slurm/scripts/epilog.d/50_aws_role_exec"
  install -D -m 0755 "$scratch/schedulers/slurm/taskprolog.sh" \
    "$slurm/aws-role-exec/taskprolog.sh"
fi
