#!/bin/sh
# All shards of a plan by GNU parallel, on this machine or on those of --sshlogin:
#   auto-circuit plan study.json --shards 16 --threads 2 --out /shared/study
#   sh examples/cluster/parallel.sh /shared/study 16 --jobs 4 --sshlogin node1,node2
#   auto-circuit collect /shared/study
set -eu
plan=$1
shards=$2
shift 2
exec parallel --line-buffer --retries 3 "$@" "${AUTO_CIRCUIT:-auto-circuit} run-shard $plan {}" ::: $(seq 0 $((shards - 1)))
