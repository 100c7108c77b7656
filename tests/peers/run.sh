#!/usr/bin/env bash
# Does PEFT agree with a finished run? Three checks, each a line of JSON or a message; exit status 1 if one fails:
#   1. PEFT loads the run's adapter, with no tensor missing or left over;
#   2. its loss over `data.eval` is the last `eval_loss` of metrics.jsonl, to 1e-4;
#   3. `coxswain merge` gives PEFT's merge_and_unload, to the rounding of the type it stores.
#
#   npm run build && tests/peers/setup.sh
#   tests/peers/run.sh RUN_FOLDER [MODEL_FOLDER]
#
# RUN_FOLDER is a run's output folder, with `data.eval` set. MODEL_FOLDER: the base model, where resolved.yaml names one of a
# hub. PEERS_VENV is another place of the environment.
set -euo pipefail
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
run=$1
python=${PEERS_VENV:-$here/../../.venv}/bin/python
coxswain=("node" "$here/../../dist/cli/main.js")

fail() {
  echo "run.sh: $1" >&2
  exit "${2:-1}"
}
[ -x "$python" ] || fail "there is no $python; tests/peers/setup.sh makes it" 2
[ -f "$here/../../dist/cli/main.js" ] || fail "coxswain is not built; npm run build" 2
for file in resolved.yaml metrics.jsonl adapter/adapter_model.safetensors; do
  [ -f "$run/$file" ] || fail "$run/$file is missing: is the run finished?" 2
done

setting() {
  "$python" -c 'import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))[sys.argv[2]] or "")' "$run/resolved.yaml" "$1"
}
model=${2:-$(setting model)}
quantization=$(setting quantization)
[ -d "$model" ] || fail "the base model $model is not a folder here; give one as the second argument" 2
loss=$("$python" - "$run/metrics.jsonl" << 'END'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
found = [line["eval_loss"] for line in lines if "eval_loss" in line]
print(repr(found[-1]) if found else "")
END
)
[ -n "$loss" ] || fail "$run/metrics.jsonl has no eval_loss; set data.eval" 2

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Each example by itself: the loss does not depend on packing.
"${coxswain[@]}" preview "$run/resolved.yaml" --split eval --json --set data.packing=false > "$scratch/tokens.jsonl"
"${coxswain[@]}" merge --model "$model" --adapter "$run/adapter" --output "$scratch/merged"
"$python" "$here/verify-adapter.py" --model "$model" --adapter "$run/adapter" --data "$scratch/tokens.jsonl" \
  --expect "$loss" --merged "$scratch/merged" ${quantization:+--quantization "$quantization"}
