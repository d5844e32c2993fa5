#!/usr/bin/env bash
# A study or an ablation as a SLURM array, one task a cell; a last job tries once more what failed
# and writes the report.
# Usage: launch/slurm.sh study|ablate [FLAGS of experiments.study or experiments.ablate]
#        launch/slurm.sh --multihost COMMAND [FLAGS]   (zerolog, detect ...; docs/hosts.md has all)
# --multihost makes one run on NODES nodes (2) with TASKS processes (1) on each. JAX gives each of
# them one GPU, so TASKS is the number of GPUs that a node has; the run's folder and data must be on
# a file system that the nodes share. EXTRA is what is installed beside the default (gpu).
# Paths in the flags are taken from the folder of this repository, or absolute.
# SBATCH_* variables of SLURM say where and with how much, as SBATCH_PARTITION=gpu; AT_ONCE is how
# many tasks run at a time. Finished cells are left out, so the same command goes on with the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
multihost=
if [ "${1:-}" = --multihost ]; then
  multihost=yes
  shift
fi
name=${1:?study or ablate, or --multihost and zerolog or another command of docs/hosts.md}
shift
if ! command -v sbatch >/dev/null; then
  echo "error: no sbatch here; run this where SLURM takes jobs, or experiments.$name without it" >&2
  exit 3
fi
make_environment requirements.txt
mkdir -p runs
if [ -n "$multihost" ]; then
  # JAX for GPUs; EXTRA= leaves it out, on nodes that have none.
  [ -z "${EXTRA=gpu}" ] || "$venv"/bin/python -c 'import jax_cuda13_plugin' 2>/dev/null ||
    "$venv"/bin/python -m pip install --quiet -e ".[$EXTRA]"
  printf -v run '%q ' "$venv"/bin/python -m "experiments.$name" "$@" --distributed
  # A process that ends early ends the others itself, which say why.
  job=$(sbatch --parsable --job-name="glx-$name" --nodes="${NODES:-2}" \
    --ntasks-per-node="${TASKS:-1}" --chdir="$PWD" --output="runs/$name-%j.out" \
    --wrap "srun --kill-on-bad-exit=0 $run")
  echo "Job ${job%%;*} submitted; what it says is in runs/$name-${job%%;*}.out."
  exit
fi
commands=$(mktemp "$PWD/runs/$name-commands-XXXXXX")
"$venv"/bin/python -m "experiments.$name" "$@" --dry_run >"$commands"
n=$(wc -l <"$commands")
printf -v again '%q ' "$venv"/bin/python -m "experiments.$name" "$@" --parallel=1
after=()
if [ "$n" -gt 0 ]; then
  array=$(sbatch --parsable --job-name="glx-$name" --array="1-$n%${AT_ONCE:-50}" --chdir="$PWD" \
    --wrap "eval \"\$(sed -n \"\${SLURM_ARRAY_TASK_ID}p\" '$commands')\"")
  after=(--dependency="afterany:${array%%;*}")
fi
sbatch --parsable --job-name="glx-$name-report" "${after[@]}" --chdir="$PWD" --wrap "$again" >/dev/null
echo "$n cells submitted, their commands are in $commands; the report follows them."
