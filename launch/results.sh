#!/usr/bin/env bash
# The table of the README: every pair and leave-one-out on the three real systems, one run each.
# Usage: launch/results.sh DATA_DIR [SEEDS...]; runs go to runs/results, finished ones are kept.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
make_environment requirements.txt
data=${1:?give the data folder of docs/data.md}
shift
for seed in "${@:-0}"; do
  while read -r target sources; do
    run=runs/results/$target-from-${sources//,/+}-$seed
    [ -d "$run" ] || .venv/bin/python -m experiments.zerolog --data_dir="$data" \
      --target="$target" --source="$sources" --seed="$seed" --run_dir="$run" >/dev/null
  done <<'PAIRS'
hdfs bgl,openstack
bgl hdfs,openstack
openstack hdfs,bgl
hdfs bgl
hdfs openstack
bgl hdfs
bgl openstack
openstack hdfs
openstack bgl
PAIRS
done
exec .venv/bin/python -m experiments.summary runs/results/*/
