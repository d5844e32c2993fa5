#!/usr/bin/env bash
# Measures glx beside its peers (torch, Drain3, FAISS, scikit-learn, sentence-transformers) in an
# environment of their own, .venv-bench. Arguments are passed on to experiments.bench.
set -euo pipefail
cd "$(dirname "$0")/.."
. launch/environment.sh
make_bench_environment
exec .venv-bench/bin/python -m experiments.bench "$@"
