#!/usr/bin/env bash
# Prints the folder of a Node that runs this project's TypeScript: the system's own when it is new enough, else one
# from the npm package node-<os>-<arch>, put into the project's cache once.
set -euo pipefail
VERSION=24.21.0
MINIMUM=22.19

system=$(command -v node || true)
if [ -n "$system" ]; then
  IFS=. read -r major minor _ < <("$system" -v | tr -d v)
  if [ "$major" -gt "${MINIMUM%.*}" ] || { [ "$major" -eq "${MINIMUM%.*}" ] && [ "$minor" -ge "${MINIMUM#*.}" ]; }; then
    dirname "$system"
    exit
  fi
fi

cache=${REDIS_QUEUE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/redis-queue}
folder=$cache/node-$VERSION
if [ ! -x "$folder/bin/node" ]; then
  command -v npm >/dev/null || { echo "node.sh: Node ≥ $MINIMUM is needed, and npm to install it" >&2; exit 1; }
  case $(uname -m) in x86_64) arch=x64 ;; aarch64 | arm64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
  package=node-$(uname -s | tr '[:upper:]' '[:lower:]')-$arch
  mkdir -p "$cache"
  exec 9>"$folder.lock"
  flock 9
  if [ ! -x "$folder/bin/node" ]; then
    building=$folder.building
    rm -rf "$building"
    mkdir -p "$building/bin"
    # The plain `node` package fetches its binary in an install script; this one contains it.
    "$(dirname "${BASH_SOURCE[0]}")/step.sh" "setting up Node $VERSION, since there is none of $MINIMUM or newer" -- \
      npm install --prefix "$building" --no-save --no-package-lock "$package@$VERSION"
    ln -s "../node_modules/$package/bin/node" "$building/bin/node"
    # npm and npx run under whichever node comes first on PATH; they come from the system.
    rm -rf "$folder"
    mv "$building" "$folder"
  fi
fi
echo "$folder/bin"
