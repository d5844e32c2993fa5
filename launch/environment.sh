# Sourced by the other scripts: makes the environment in .venv once, then reuses it.
# Needs python3 3.11 or newer; PYTHON names another interpreter.

make_environment() { # make_environment REQUIREMENTS_FILE...
  local python=${PYTHON:-python3} stamp
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "error: glx needs Python 3.11 or newer; set PYTHON to one, as in PYTHON=python3.12 $0" >&2
    exit 2
  fi
  stamp=$(cat setup.py "$@" requirements-nodeps.txt | cksum)
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  if [ "$(cat .venv/stamp-"$#" 2>/dev/null)" = "$stamp" ]; then return; fi
  echo "Installing into .venv ..." >&2
  install() { .venv/bin/python -m uv pip install --quiet --python .venv/bin/python "$@" 2>/dev/null ||
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }
  # uv resolves in seconds what takes pip minutes; pip serves where uv is not to be had.
  .venv/bin/python -m pip install --quiet --disable-pip-version-check uv || true
  local files=()
  for file in "$@"; do files+=(-r "$file"); done
  install "${files[@]}"
  install --no-deps -r requirements-nodeps.txt
  install --no-deps -e .
  echo "$stamp" >.venv/stamp-"$#"
}
