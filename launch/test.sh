#!/usr/bin/env bash
# All tests that run on a CPU, offline. With --all also those that need a browser or a model server.
# GLX_DATA names a folder of real data (docs/data.md); without it the tests that need it are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
make_environment requirements.txt requirements-dev.txt
[ "${1:-}" != --all ] || shift
exec .venv/bin/python -m pytest -n 2 "$@"
