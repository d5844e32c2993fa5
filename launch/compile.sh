#!/usr/bin/env bash
# Compiles glx's programs for accelerators that are not here, with their own compilers, in
# environments of their own, .venv-tpu and .venv-cuda. Arguments are passed on to
# experiments.compile.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
make_environment requirements.txt
make_compiler_environment tpu "jax[tpu]"
make_compiler_environment cuda "jax[cuda13]"
exec "$venv/bin/python" -m experiments.compile "$@"
