#!/bin/sh
# The cases in so many parts at once on this machine, and their results together in results.json.
#   gnu-parallel.sh PARTS OPTION...      e.g. gnu-parallel.sh 4 --dut qemu --modes all
# The same command line goes on where it was cut off.
set -eu
parts=${1:?how many parts?}
shift

# What is red is for "vscsi gate" to say, and what is missing for "vscsi merge".
seq "$parts" | parallel --quote vscsi run "$@" --shard {}/"$parts" \
  --resume part-{}.jsonl --report jsonl=part-{}.jsonl || true

set --
for part in $(seq "$parts"); do set -- "$@" "part-$part.jsonl"; done
vscsi merge "$@" --report json=results.json
