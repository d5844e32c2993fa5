#!/usr/bin/env bash
# The main job on embedded data: sets everything up, finds anomalies in a simulated service that
# nobody labelled, prints a table. Arguments are passed on to experiments.generallog.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
make_environment requirements.txt
exec "$venv"/bin/python -m experiments.generallog --target=sim_vms --source=sim_blocks,sim_ras \
  --run_dir=runs/quickstart --overwrite "$@"
