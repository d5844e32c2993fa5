#!/usr/bin/env bash
# A vLLM server for --expert=vllm, on this machine alone (127.0.0.1), until Ctrl-C or SIGTERM.
#
#   launch/serve_vllm.sh MODEL [--port=8000] [--gpu_memory_utilization=0.9] [flags of vLLM]
#
# MODEL is a folder (config.json, weights, tokenizer) or a hub name such as Qwen/Qwen2.5-7B-Instruct.
# Prints one line with the URL and the flags for glx once a first answer came back. The first run
# installs vLLM into .venv-vllm: 11 GB with CUDA where there is an NVIDIA GPU, else 2 GB for the CPU.
# --gpu_memory_utilization is the share of a GPU's memory that the server takes (vLLM's default: 0.9);
# where glx works on the same GPU, give 0.5 here and XLA_PYTHON_CLIENT_MEM_FRACTION=0.3 to glx, so that
# a fifth is left for FAISS. Other flags go to vLLM and win over the defaults here. On a CPU those are --enforce-eager
# --dtype=bfloat16 --max-num-seqs=32, and VLLM_CPU_KVCACHE_SPACE=1 (GiB) unless it is set; everywhere
# --max-model-len=auto (as long as memory allows), --enable-prefix-caching and --generation-config=vllm,
# so that no sampling defaults of a model's folder change its answers. --host=0.0.0.0 opens the server
# to the network: set GLX_LLM_API_KEY first, for it and for glx.
# Exit codes: 0 stopped on request, 2 a mistake in the command, 3 vLLM could not be installed, gave no
# answer or shut down by itself, else the server's own after its last log lines.
set -euo pipefail

fail() {
  echo "error: $*" >&2
  exit 2
}

case ${1:-} in
  -h | --help)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
    exit 0
    ;;
  '' | -*) fail "name a model first, as in $0 MODEL --port=8000; --help says more" ;;
esac
use_share() { # use_share SHARE
  [[ $1 =~ ^(0?\.[0-9]*[1-9][0-9]*|1(\.0*)?)$ ]] ||
    fail "--gpu_memory_utilization=$1: must be a number above 0 and up to 1, as in 0.5"
  extra+=("--gpu-memory-utilization=$1")
}

model=$1
shift
port=8000
extra=()
while [ $# -gt 0 ]; do
  case $1 in
    --port=*) port=${1#*=} ;;
    --port)
      [ $# -gt 1 ] || fail "--port: give a number, as in --port=8000"
      port=$2
      shift
      ;;
    --gpu[_-]memory[_-]utilization=*) use_share "${1#*=}" ;;
    --gpu[_-]memory[_-]utilization)
      [ $# -gt 1 ] || fail "$1: give a share, as in --gpu_memory_utilization=0.5"
      use_share "$2"
      shift
      ;;
    *) extra+=("$1") ;;
  esac
  shift
done

if [ -d "$model" ]; then
  [ -f "$model/config.json" ] || [ -f "$model/params.json" ] ||
    fail "$model: no model is in this folder (no config.json); name one with config, weights, tokenizer"
  model=$(cd "$model" && pwd)
elif [ -e "$model" ]; then
  fail "$model: a file; name the model's folder"
elif ! [[ $model =~ ^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+$ ]]; then
  fail "$model: there is no such folder; name a model's folder or its hub name, as in OWNER/NAME"
fi
[[ $port =~ ^[1-9][0-9]{0,4}$ ]] && [ "$port" -le 65535 ] ||
  fail "--port=$port: must be a number between 1 and 65535"
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  fail "--port=$port: another program listens there; stop it or give another port"
fi

cd "$(dirname "$0")/.."
. launch/environment.sh
make_vllm_environment
defaults=(--host=127.0.0.1 --max-model-len=auto --enable-prefix-caching --generation-config=vllm
  --disable-uvicorn-access-log)
if [ "$(machine_kind)" = cpu ]; then
  defaults+=(--enforce-eager --dtype=bfloat16 --max-num-seqs=32)
  export VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
fi
export VLLM_NO_USAGE_STATS=1 VLLM_API_KEY=${VLLM_API_KEY:-${GLX_LLM_API_KEY:-}}
python=.venv-vllm/bin/python
exec "$python" launch/vllm/serve.py "$port" ".venv-vllm/server-$port.log" "$python" \
  -m vllm.entrypoints.openai.api_server --model "$model" --port "$port" "${defaults[@]}" \
  ${extra[@]+"${extra[@]}"}
