#!/usr/bin/env bash
# Installs @tensorflow/tfjs-node into .tools/tfjs-native (git-ignored), so that the tests of the native runtime run here.
# The package's own install script downloads libtensorflow; this one takes it out of a pinned wheel of tensorflow-cpu and
# builds the addon from the package's sources. Linux x86-64, Node 20 or 22. Needs python3 with pip, unzip, g++, make.
set -euo pipefail

TFJS=4.22.0
TENSORFLOW=2.15.1
WHEEL_SHA256=54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26
NAPI=8 # the highest that tfjs-node's package.json names

die() {
  echo "setup-tfjs-native: $1" >&2
  exit 2
}
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die "this is for Linux on x86-64, not $(uname -s) on $(uname -m)"
for tool in node npm python3 unzip g++ make sha256sum; do
  command -v "$tool" >/dev/null || die "$tool is missing"
done

root=$(cd "$(dirname "$0")/.." && pwd -P)
home=$root/.tools/tfjs-native
package=$home/node_modules/@tensorflow/tfjs-node
library=$home/libtensorflow-$TENSORFLOW
addon=$package/lib/napi-v$NAPI/tfjs_binding.node
mkdir -p "$home"
scratch=$(mktemp -d "$home/scratch.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# 1. the npm package, without running its scripts
if [ "$(node -p "require('$package/package.json').version" 2>/dev/null)" != "$TFJS" ]; then
  echo '{ "private": true }' >"$home/package.json"
  npm install --prefix "$home" --ignore-scripts --no-audit --no-fund --silent "@tensorflow/tfjs-node@$TFJS"
fi

# 2. libtensorflow: from 2.12 on the wheel's library has the C interface and needs no Python
if [ ! -e "$library/complete" ]; then
  rm -rf "$library"
  mkdir -p "$library/lib" "$library/include"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$scratch" \
    --implementation cp --python-version 311 --abi cp311 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    "tensorflow-cpu==$TENSORFLOW"
  wheel=$(ls "$scratch"/tensorflow_cpu-*.whl)
  echo "$WHEEL_SHA256  $wheel" | sha256sum --check --quiet - || die "$(basename "$wheel") is not the file that is expected"
  unzip -q "$wheel" 'tensorflow/libtensorflow_*.so.2' 'tensorflow/include/tensorflow/c/*' \
    'tensorflow/include/tensorflow/core/platform/*' 'tensorflow/include/tsl/*' '*/LICENSE' -d "$scratch/wheel"
  mv "$scratch"/wheel/tensorflow/libtensorflow_*.so.2 "$library/lib/"
  cp -r "$scratch/wheel/tensorflow/include/." "$library/include/"
  cp "$scratch"/wheel/*.dist-info/LICENSE "$library/"
  # the names that the addon is linked with
  ln -s libtensorflow_cc.so.2 "$library/lib/libtensorflow.so"
  ln -s libtensorflow_framework.so.2 "$library/lib/libtensorflow_framework.so"
  touch "$library/complete"
fi
rm -rf "$package/deps"
ln -s "$library" "$package/deps"

# 3. the addon, from the sources in the package, in a copy: the build writes into its own folder
if [ ! -e "$addon" ]; then
  headers=${NODEDIR:-$(node -p 'require("node:path").resolve(process.execPath, "../..")')}
  [ -e "$headers/include/node/node_api.h" ] || die "no headers of Node.js under $headers; set NODEDIR"
  mkdir "$scratch/build"
  cp -r "$package/binding" "$package/binding.gyp" "$scratch/build/"
  ln -s "$library" "$scratch/build/deps"
  gyp=$(npm root --global)/npm/node_modules/node-gyp/bin/node-gyp.js
  [ -e "$gyp" ] || die "npm brings no node-gyp here ($gyp)"
  if ! (cd "$scratch/build" && node "$gyp" rebuild --nodedir="$headers" -- -Dmodule_name=tfjs_binding \
    -Dmodule_path="$scratch/build/made" -Dnapi_build_version=$NAPI -Dnapi_version=$NAPI) >"$home/build.log" 2>&1; then
    tail -n 30 "$home/build.log" >&2
    die "the addon does not build; the whole log is in $home/build.log"
  fi
  mkdir -p "$(dirname "$addon")"
  cp "$scratch/build/made/tfjs_binding.node" "$addon"
fi

# 4. it computes
(cd "$home" && TF_CPP_MIN_LOG_LEVEL=2 node -e "
const tf = require('@tensorflow/tfjs-node');
const four = tf.matMul(tf.ones([2, 2]), tf.fill([2, 2], 2)).dataSync();
if (tf.getBackend() !== 'tensorflow' || four.join() !== '4,4,4,4') throw new Error('wrong product: ' + four.join());
")
echo "tfjs-node $TFJS with libtensorflow $TENSORFLOW is in $home"
