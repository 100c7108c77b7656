#!/usr/bin/env bash
# Makes .venv (ignored by git) at the top of the repository, with torch, transformers and PEFT at the versions of
# requirements.txt. About 5.6 GB; two to five minutes. Does nothing when it is there already.
#
#   tests/peers/setup.sh            # then: .venv/bin/python tests/peers/…
#   PEERS_VENV=DIR tests/peers/setup.sh   # another place
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=${PEERS_VENV:-$here/../../.venv}

if ! command -v python3 > /dev/null; then
  echo "setup.sh: python3 (3.10 or later) with its venv module is needed" >&2
  exit 1
fi
if [ -x "$venv/bin/python" ] && cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
  echo "$venv is up to date"
  exit 0
fi
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir -r "$here/requirements.txt"
"$venv/bin/python" -c 'import peft, torch, transformers; print("torch", torch.__version__, "transformers", transformers.__version__, "peft", peft.__version__)'
# Last, so that an install that was cut off is done again.
cp "$here/requirements.txt" "$venv/requirements.txt"
