#!/usr/bin/env bash
# All tests that run on a CPU, offline. With --all also those that need a model server, a browser, Ray
# or MLflow: they are prepared first, in environments of their own (2 GB each, MLflow 0.6), the browser
# by apt where there is none. Other arguments go to pytest.
# GLX_SOAK=600 adds a soak of so many seconds: a live log of 2,000 lines a second is rotated, the process
# that judges it is killed and started again, its model's server comes and goes.
# GLX_DATA names a folder of real data (docs/data.md); without it the tests that need it are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
make_environment requirements.txt requirements-dev.txt
if [ "${1:-}" != --all ]; then exec "$venv"/bin/python -m pytest -n 2 --dist worksteal "$@"; fi
shift
need_browser
make_vllm_environment
make_ray_environment
make_mlflow_environment
"$venv"/bin/python -m pytest -n 2 --dist worksteal -m "not vllm and not browser and not ray and not mlflow" "$@" || [ $? -eq 5 ]
# One process: one of them measures how fast a page opens. 5: none of them asked for.
GLX_BROWSER=1 "$venv"/bin/python -m pytest -n 0 -m browser "$@" || [ $? -eq 5 ]
GLX_MLFLOW=1 "$venv"/bin/python -m pytest -n 0 -m mlflow "$@" || [ $? -eq 5 ]
# One process: a cluster of three nodes needs both cores.
.venv-ray/bin/python -m pytest -n 0 -m ray "$@" || [ $? -eq 5 ]
# One process, so that one server serves them all; it needs both cores.
GLX_VLLM=1 "$venv"/bin/python -m pytest -n 0 -m vllm "$@" || [ $? -eq 5 ]
