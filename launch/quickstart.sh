#!/usr/bin/env bash
# The main job on embedded data: sets everything up, finds anomalies in a simulated service that
# nobody labelled, prints a table. Arguments are passed on to experiments.generallog.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
make_environment requirements.txt
defaults=()
for flag in --target=sim_vms --source=sim_blocks,sim_ras --run_dir=runs/quickstart --overwrite; do
  name=${flag%%=*}
  case " $* " in *" $name="* | *" $name "*) ;; *) defaults+=("$flag") ;; esac
done
exec "$venv"/bin/python -m experiments.generallog "${defaults[@]}" "$@"
