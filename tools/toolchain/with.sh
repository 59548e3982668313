#!/usr/bin/env bash
# Runs a command with the project's toolchain set up: tools/toolchain/with.sh LEVEL -- COMMAND…
#
#   packages        Node ≥ 22.19 first on PATH, npm packages installed
#   control-plane   and redis-server, etcd, kube-apiserver, kube-controller-manager, helm: no root needed once built
#   node            and what real pods need: containerd, runc, CNI, iptables, buildah (root)
#
# Every part is set up once and is quick (< 0.5 s in all) when nothing is missing.
set -euo pipefail
level=$1; shift; [ "$1" = -- ] && shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH="$("$here/node.sh"):$PATH"; export PATH
case $level in
  packages) ;;
  control-plane) system=test ;;
  node) system=node ;;
  *) echo "with.sh: no level \"$level\"; one of packages, control-plane, node" >&2; exit 2 ;;
esac
if [ "$level" != packages ]; then
  # The first time, what is downloaded and unpacked goes on side by side.
  if [ ! -e "$here/../../node_modules/.package-lock.json" ]; then
    "$here/go-modules.sh" &
    modules=$!
    "$here/npm-packages.sh" &
    packages=$!
  fi
  "$here/system-packages.sh" "$system" || { status=$?; wait; exit "$status"; }
fi
# What these cannot do, the steps below do again, and say why when they cannot either.
wait ${modules:-} ${packages:-} || true
"$here/npm-packages.sh"
[ "$level" = packages ] || "$here/../cluster/cluster" build "$level"
exec "$@"
