"""launch/slurm.sh --multihost and launch/tpu_pod.sh; stand-ins run what they are given."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from jax._src.clusters.slurm_cluster import SlurmCluster

ROOT = Path(__file__).parents[2]
SBATCH = """#!/usr/bin/env bash
printf '%s\\n' "$@" >"$LOG/sbatch"
export SLURM_JOB_ID=77
bash -c "${@: -1}"
echo "77;cluster"
"""
SRUN = """#!/usr/bin/env bash
shift
for n in 0 1; do
  SLURM_STEP_NODELIST='node[07-08]' SLURM_NTASKS=2 SLURM_PROCID=$n SLURM_LOCALID=0 "$@"
done
"""
GCLOUD = """#!/usr/bin/env bash
printf '%s\\n' "$@" >"$LOG/gcloud"
last=${@: -1}
for n in 0 1; do bash -c "${last#--command=}"; done
"""
PYTHON = """#!/usr/bin/env bash
[ "$1" = -m ] || exit 0
env | grep ^SLURM_ >"$LOG/run-${SLURM_PROCID:-$(ls "$LOG" | grep -c ^run)}" || true
printf '%s\\n' "$@" >>"$LOG/words"
"""


@pytest.fixture
def place(tmp_path):
    """A clone with stand-ins, and the environment in which they are found."""
    for folder in ("launch", "bin", "log", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("slurm.sh", "tpu_pod.sh"):
        shutil.copy(ROOT / "launch" / name, tmp_path / "launch")
    (tmp_path / "launch/environment.sh").write_text("make_environment() { venv=.venv; }\n")
    programs = {"bin/sbatch": SBATCH, "bin/srun": SRUN, "bin/gcloud": GCLOUD}
    for name, text in (programs | {".venv/bin/python": PYTHON}).items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    found = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")}
    return tmp_path, os.environ | found


def start(place, *words, **more):
    folder, environment = place
    command = [shutil.which("bash"), folder / "launch" / words[0], *words[1:]]
    return subprocess.run(
        command, env=environment | more, cwd=folder, capture_output=True, text=True
    )


FLAGS = [r"--session=order=(\w+)", "--target=shop=a file.log"]


def test_slurm_starts_the_command_once_a_node(place, monkeypatch):
    done = start(place, "slurm.sh", "--multihost", "zerolog", *FLAGS, NODES="2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "runs/zerolog-77.out" in done.stdout
    log = place[0] / "log"
    assert {"--nodes=2", "--ntasks-per-node=1"} < set((log / "sbatch").read_text().splitlines())
    words = ["-m", "experiments.zerolog", *FLAGS, "--distributed"]
    assert (log / "words").read_text().splitlines() == words * 2
    for name in list(os.environ):
        if name.startswith("SLURM_"):
            monkeypatch.delenv(name)
    for line in (log / "run-1").read_text().splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    assert SlurmCluster.is_env_present()  # of these JAX makes the cluster
    assert SlurmCluster.get_coordinator_address(1, None).startswith("node07:")
    assert (SlurmCluster.get_process_count(), SlurmCluster.get_process_id()) == (2, 1)


def test_a_pod_starts_the_command_on_each_host(place):
    folder = {"GLX_DIR": str(place[0])}
    done = start(place, "tpu_pod.sh", "pod", "us-east5-a", "generallog", *FLAGS, **folder)
    assert (done.returncode, done.stderr) == (0, "")
    given = (place[0] / "log/gcloud").read_text().splitlines()
    assert given[:7] == [
        *("compute", "tpus", "tpu-vm", "ssh", "pod", "--zone=us-east5-a", "--worker=all"),
    ]
    words = ["-m", "experiments.generallog", *FLAGS, "--distributed"]
    assert (place[0] / "log/words").read_text().splitlines() == words * 2


@pytest.mark.parametrize("name", ["slurm.sh", "tpu_pod.sh"])
def test_what_is_not_there_is_named(place, name):
    shutil.rmtree(place[0] / "bin")
    (place[0] / "bin").mkdir()
    for program in ("bash", "dirname"):
        (place[0] / "bin" / program).symlink_to(shutil.which(program))
    words = ("--multihost", "zerolog") if name == "slurm.sh" else ("pod", "zone", "zerolog")
    done = start(place, name, *words, PATH=str(place[0] / "bin"))
    assert done.returncode == 3
    assert done.stderr.startswith("error: no ")
