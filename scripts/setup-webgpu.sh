#!/bin/sh
# Installs a Vulkan driver that computes on the CPU (Mesa's lavapipe), so that the WebGPU tests run without a GPU.
# Debian and Ubuntu, as root. Prints the environment that the tests want.
set -eu

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "setup-webgpu: run this as root on Debian or Ubuntu" >&2
  exit 2
fi
. /etc/os-release
apt-get update -qq
apt-get install -y -qq --no-install-recommends libvulkan1 >/dev/null

suite=""
if [ "${VERSION_CODENAME:-}" = bookworm ]; then
  # Debian 12's own Mesa is too old for onnxruntime's WebGPU; the backports have a newer one.
  suite="bookworm-backports"
  list=/etc/apt/sources.list.d/auto-circuit-backports.list
  if [ ! -f "$list" ]; then
    # The mirror this machine already uses, with the suite changed.
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 2>/dev/null | awk '$2 == "bookworm" { print $1; exit }')
    if [ -z "$mirror" ]; then
      echo "setup-webgpu: found no apt source for bookworm to take the mirror from" >&2
      exit 1
    fi
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$list"
    apt-get update -qq
  fi
fi
apt-get install -y -qq --no-install-recommends ${suite:+-t "$suite"} mesa-vulkan-drivers >/dev/null

icd=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json 2>/dev/null | head -n 1)
if [ -z "$icd" ]; then
  echo "setup-webgpu: Mesa is installed but brought no lavapipe driver" >&2
  exit 1
fi
echo "VK_ICD_FILENAMES=$icd"
