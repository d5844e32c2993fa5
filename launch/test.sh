#!/usr/bin/env bash
# All tests that run on a CPU, offline. With --all also those that need a model server: it is
# prepared first, in an environment of its own (2 GB). Other arguments go to pytest.
# GLX_DATA names a folder of real data (docs/data.md); without it the tests that need it are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
make_environment requirements.txt requirements-dev.txt
if [ "${1:-}" != --all ]; then exec .venv/bin/python -m pytest -n 2 "$@"; fi
shift
make_vllm_environment
.venv/bin/python -m pytest -n 2 -m "not vllm" "$@" || [ $? -eq 5 ]
# One process, so that one server serves them all; it needs both cores. 5: none of them asked for.
GLX_VLLM=1 .venv/bin/python -m pytest -n 0 -m vllm "$@" || [ $? -eq 5 ]
