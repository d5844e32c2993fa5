# Sourced by the other scripts: makes the environment in .venv once, then reuses it; likewise that
# of the model server in .venv-vllm, that of the peers in .venv-bench and that with Ray in
# .venv-ray and MLflow in .venv-mlflow, which never mix with the first. Finds a browser.
# Needs python3 3.11 or newer; PYTHON names another interpreter. Where .venv is of another version
# than PYTHON, that one has .venv-3.13 or the like beside it.

MLFLOW=mlflow==3.17.2

need_python() {
  if ! "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "error: glx needs Python 3.11 or newer; set PYTHON to one, as in PYTHON=python3.12 $0" >&2
    exit 2
  fi
}

make_venv() { # make_venv [--clear] FOLDER; what a failed attempt left has no pip
  if ! "${PYTHON:-python3}" -m venv "$@"; then
    echo "error: ${PYTHON:-python3} cannot make a virtual environment, see above; install what it" \
      "lacks (python3-venv on Debian and Ubuntu), or set PYTHON to another one" >&2
    exit 2
  fi
}

interpreters() { # one of each version from 3.11 on, of the PATH and of pyenv, oldest first
  local python
  for python in $(compgen -c python3 | grep -Ex 'python3(\.[0-9]+)?' | sort -u) \
    "$(pyenv root 2>/dev/null || echo ~/.pyenv)"/versions/*/bin/python; do
    "$python" -c 'import ensurepip, sys, venv
if sys.version_info >= (3, 11): print("%d.%d" % sys.version_info[:2], sys.executable)' 2>/dev/null || true
  done | sort -V -u -k1,1 | cut -d' ' -f2-
}

choose_venv() { # sets venv
  local print='import sys; print("%d.%d" % sys.version_info[:2])' there wanted
  venv=.venv
  [ -n "${PYTHON:-}" ] && there=$(.venv/bin/python -c "$print" 2>/dev/null) || return 0
  wanted=$("$PYTHON" -c "$print")
  [ "$there" = "$wanted" ] || venv=.venv-$wanted
}

make_environment() { # make_environment REQUIREMENTS_FILE...; it is then in $venv
  local stamp
  need_python
  choose_venv
  stamp=$(cat setup.py "$@" requirements-nodeps.txt | cksum)
  "$venv/bin/python" -c 'import pip' 2>/dev/null || make_venv "$venv"
  if [ "$(cat "$venv/stamp-$#" 2>/dev/null)" = "$stamp" ]; then return; fi
  echo "Installing into $venv ..." >&2
  local pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
  local uv=("$venv/bin/python" -m uv pip install --quiet --python "$venv/bin/python")
  install() { "${uv[@]}" "$@" 2>/dev/null || "${pip[@]}" "$@"; }
  # uv resolves in seconds what takes pip minutes; pip serves where uv is not to be had.
  "${pip[@]}" uv || true
  local files=()
  for file in "$@"; do files+=(-r "$file"); done
  install "${files[@]}"
  install --no-deps -r requirements-nodeps.txt
  install --no-deps -e .
  echo "$stamp" >"$venv/stamp-$#"
}

need_browser() { # Chromium for the tests of pages: one on the PATH, else by apt
  local name
  for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then return; fi
  done
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium by apt ..." >&2
    if apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
      --no-install-recommends chromium >/dev/null && command -v chromium >/dev/null; then
      return
    fi
  fi
  echo "error: no Chromium for the tests of pages; put chromium, chromium-browser or" \
    "google-chrome on the PATH (Debian: sudo apt-get install chromium), then repeat the command" >&2
  exit 3
}

machine_kind() { # gpu where there is an NVIDIA GPU, else cpu
  if nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then echo gpu; else echo cpu; fi
}

make_vllm_environment() {
  local kind stamp
  need_python
  kind=$(machine_kind)
  stamp=$(cat launch/vllm/*-"$kind".txt | cksum)
  if [ "$(cat .venv-vllm/stamp 2>/dev/null)" = "$stamp" ]; then return; fi
  echo "Installing vLLM ($kind) into .venv-vllm: 2 GB on a CPU, 11 GB with CUDA ..." >&2
  make_venv --clear .venv-vllm
  if ! install_vllm "$kind"; then
    echo "error: vLLM could not be installed, see above; the same command tries again" >&2
    exit 3
  fi
  echo "$stamp" >.venv-vllm/stamp
}

# By uv alone, since pip knows no overrides; compiled at once, since three processes of the server
# import thousands of modules: that halves its start.
install_vllm() { # install_vllm KIND
  local python=.venv-vllm/bin/python
  local pip=("$python" -m pip install --quiet --disable-pip-version-check)
  local uv=("$python" -m uv pip install --quiet --python "$python")
  "${pip[@]}" uv || return
  if [ "$1" = gpu ]; then
    "${uv[@]}" --compile-bytecode -r launch/vllm/requirements-gpu.txt
  else
    install_cpu_torch "$python" && "${uv[@]}" --compile-bytecode --override launch/vllm/overrides-cpu.txt \
        -r launch/vllm/requirements-cpu.txt
  fi
}

# pip finds the CPU build where it was told of it; else uv knows where torch keeps it.
install_cpu_torch() { # install_cpu_torch PYTHON
  "$1" -m pip install --quiet --disable-pip-version-check -r launch/vllm/torch-cpu.txt 2>/dev/null ||
    "$1" -m uv pip install --quiet --python "$1" --torch-backend=cpu -r launch/vllm/torch-cpu.txt
}

make_bench_environment() { # glx and what it is measured beside
  local kind stamp python=.venv-bench/bin/python
  need_python
  kind=$(machine_kind)
  stamp="$kind $(cat setup.py requirements.txt requirements-{bench,nodeps}.txt launch/vllm/torch-cpu.txt | cksum)"
  if [ "$(cat .venv-bench/stamp 2>/dev/null)" = "$stamp" ]; then return; fi
  echo "Installing the peers ($kind) into .venv-bench: 2 GB on a CPU, 8 GB with CUDA ..." >&2
  make_venv --clear .venv-bench
  if ! install_peers "$kind" "$python"; then
    echo "error: the peers could not be installed, see above; the same command tries again" >&2
    exit 3
  fi
  echo "$stamp" >.venv-bench/stamp
}

install_peers() { # install_peers KIND PYTHON
  local pip=("$2" -m pip install --quiet --disable-pip-version-check)
  local uv=("$2" -m uv pip install --quiet --python "$2")
  "${pip[@]}" uv || return
  if [ "$1" = gpu ]; then
    sed /faiss-cpu/d requirements.txt >.venv-bench/requirements.txt # both install faiss/
    "${uv[@]}" -r .venv-bench/requirements.txt -r requirements-bench.txt torch==2.13.0 \
      'jax[cuda13]' faiss-gpu-cu12 || return
  else
    install_cpu_torch "$2" && "${uv[@]}" -r requirements.txt -r requirements-bench.txt || return
  fi
  "${uv[@]}" --no-deps -r requirements-nodeps.txt && "${uv[@]}" --no-deps -e .
}

make_ray_environment() { # glx and Ray, which needs an Arrow and a pandas that glx does without
  local stamp python=.venv-ray/bin/python
  need_python
  stamp=$(cat setup.py requirements.txt requirements-{dev,nodeps}.txt | cksum)
  if [ "$(cat .venv-ray/stamp 2>/dev/null)" = "$stamp" ]; then return; fi
  echo "Installing Ray into .venv-ray: 2 GB ..." >&2
  make_venv --clear .venv-ray
  local pip=("$python" -m pip install --quiet --disable-pip-version-check)
  local uv=("$python" -m uv pip install --quiet --python "$python")
  if ! { "${pip[@]}" uv && "${uv[@]}" -r requirements.txt -r requirements-dev.txt \
    "$(sed -n 's/.*"\(ray\[data\]==[^"]*\)".*/\1/p' setup.py)" &&
    "${uv[@]}" --no-deps -r requirements-nodeps.txt && "${uv[@]}" --no-deps -e .; }; then
    echo "error: Ray could not be installed, see above; the same command tries again" >&2
    exit 3
  fi
  echo "$stamp" >.venv-ray/stamp
}

make_mlflow_environment() { # a server of MLflow, for tests: its client and Drain3 exclude each other
  local python=.venv-mlflow/bin/python
  need_python
  if [ "$(cat .venv-mlflow/stamp 2>/dev/null)" = "$MLFLOW" ]; then return; fi
  echo "Installing MLflow into .venv-mlflow: 0.6 GB ..." >&2
  make_venv --clear .venv-mlflow
  if ! { "$python" -m pip install --quiet --disable-pip-version-check uv &&
    "$python" -m uv pip install --quiet --python "$python" "$MLFLOW"; }; then
    echo "error: MLflow could not be installed, see above; the same command tries again" >&2
    exit 3
  fi
  echo "$MLFLOW" >.venv-mlflow/stamp
}

make_compiler_environment() { # make_compiler_environment NAME PACKAGE; what compiles for it, in .venv-NAME
  local stamp folder=.venv-$1
  need_python
  stamp=$(cat setup.py requirements.txt requirements-nodeps.txt | cksum)
  if [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
  echo "Installing $2 into $folder: 2 GB for TPU, 5 GB for CUDA ..." >&2
  make_venv --clear "$folder"
  local pip=("$folder/bin/python" -m pip install --quiet --disable-pip-version-check)
  local uv=("$folder/bin/python" -m uv pip install --quiet --python "$folder/bin/python")
  if ! { "${pip[@]}" uv && "${uv[@]}" -r requirements.txt "$2" &&
    "${uv[@]}" --no-deps -r requirements-nodeps.txt; }; then
    echo "error: $2 could not be installed, see above; the same command tries again" >&2
    exit 3
  fi
  echo "$stamp" >"$folder/stamp"
}
