#!/usr/bin/env bash
# All tests that run on a CPU, offline. With --all also those that need a model server: it is
# prepared first, in an environment of its own (2 GB). Other arguments go to pytest.
# GLX_DATA names a folder of real data (docs/data.md); without it the tests that need it are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
make_environment requirements.txt requirements-dev.txt
if [ "${1:-}" = --all ]; then
  shift
  make_vllm_environment
  export GLX_VLLM=1
fi
# loadgroup: the tests that share a server share a process.
exec .venv/bin/python -m pytest -n 2 --dist loadgroup "$@"
