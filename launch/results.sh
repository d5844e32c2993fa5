#!/usr/bin/env bash
# The tables of the README, on the three real systems: ZeroLog in every pair and leave-one-out,
# GeneralLog in leave-one-out, with the `retrieval` expert and, where there are any, with answers per
# template (DATA_DIR/reader/TARGET_events.csv).
# Usage: launch/results.sh DATA_DIR [SEEDS...]; runs go to runs/results, finished ones are kept.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
make_environment requirements.txt
data=${1:?give the data folder of docs/data.md}
shift

run() { # run METHOD TARGET SOURCES SEED [FLAGS...]
  local method=$1 target=$2 sources=$3 seed=$4 folder
  shift 4
  folder=runs/results/$method-$target-from-${sources//,/+}-$seed
  [ -d "$folder" ] || .venv/bin/python -m "experiments.${method%-*}" --data_dir="$data" \
    --target="$target" --source="$sources" --seed="$seed" --run_dir="$folder" "$@" >/dev/null
}

for seed in "${@:-0}"; do
  while read -r target sources; do
    run zerolog "$target" "$sources" "$seed"
    case $sources in
      *,*)
        run generallog-retrieval "$target" "$sources" "$seed"
        answers=$data/reader/${target}_events.csv
        [ ! -f "$answers" ] || run generallog-answers "$target" "$sources" "$seed" \
          --expert=answers --responses="$answers"
        ;;
    esac
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
