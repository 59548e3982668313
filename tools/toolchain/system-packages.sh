#!/usr/bin/env bash
# Checks for the programs that come from the system's packages and, as root on Debian or Ubuntu, installs what is
# missing:
# system-packages.sh test (integration tests) | node (and real pods)
set -euo pipefail
level=${1:?system-packages.sh: test or node}

# what to look for, and the package that brings it
test_needs=(
  redis-server:redis-server openssl:openssl flock:util-linux
  /usr/bin/python3:python3 /usr/lib/python3/dist-packages/pip:python3-pip
)
node_needs=(
  redis-cli:redis-tools runc:runc iptables:iptables ip:iproute2 nsenter:util-linux buildah:buildah busybox:busybox-static
  /usr/lib/cni/bridge:containernetworking-plugins /etc/ssl/certs/ca-certificates.crt:ca-certificates
)
case $level in
  test) needs=("${test_needs[@]}") ;;
  node) needs=("${test_needs[@]}" "${node_needs[@]}") ;;
  *) echo "system-packages.sh: no level \"$level\"; one of test, node" >&2; exit 2 ;;
esac
PATH=$PATH:/usr/sbin:/sbin

missing=()
for need in "${needs[@]}"; do
  what=${need%%:*}
  if [[ $what == /* ]]; then [ -e "$what" ] || missing+=("${need#*:}"); else command -v "$what" >/dev/null || missing+=("${need#*:}"); fi
done

# busybox goes alone into an image: a dynamic one would miss its libraries there
if [ "$level" = node ] && command -v busybox >/dev/null && ldd "$(command -v busybox)" >/dev/null 2>&1; then
  missing+=(busybox-static)
fi

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "These packages are needed: ${missing[*]}. Install them (Debian: sudo apt-get install ${missing[*]}) and run again." >&2
    exit 1
  fi
  # Packages of servers start them; here every server belongs to the test that uses it.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  install='apt-get update && apt-get install -y --no-install-recommends "$@"'
  "$(dirname "${BASH_SOURCE[0]}")/step.sh" "installing system packages: ${missing[*]}" -- bash -c "$install" bash "${missing[@]}"
fi

if [ "$level" = node ] && [ "$(id -u)" != 0 ]; then
  echo "Pods need root: network namespaces, mounts, cgroups. Run as root, or use a cluster of yours with KUBE_CONTEXT=NAME." >&2
  exit 1
fi
