#!/usr/bin/env bash
# One command on all hosts of a TPU pod, from wherever gcloud is.
# Usage: launch/tpu_pod.sh NAME ZONE COMMAND [FLAGS]   (zerolog, detect ...; docs/hosts.md has all)
# The same clone of this repository is on each host, in GLX_DIR (glx, in the home folder); the first
# run makes its environment. --run_dir must be on a file system that the hosts share.
set -euo pipefail
name=${1:?name of the TPU} zone=${2:?its zone} experiment=${3:?zerolog or another command of docs/hosts.md}
shift 3
if ! command -v gcloud >/dev/null; then
  echo "error: no gcloud here; install the Google Cloud CLI, or start experiments.$experiment" \
    "--distributed on each host" >&2
  exit 3
fi
printf -v folder '%q' "${GLX_DIR:-glx}"
printf -v run '%q ' -m "experiments.$experiment" "$@" --distributed
exec gcloud compute tpus tpu-vm ssh "$name" --zone="$zone" --worker=all --command="
  set -e
  cd $folder
  . launch/environment.sh
  make_environment requirements.txt
  \"\$venv\"/bin/python -c 'import libtpu' 2>/dev/null || \"\$venv\"/bin/python -m pip install --quiet -e '.[tpu]'
  \"\$venv\"/bin/python $run"
