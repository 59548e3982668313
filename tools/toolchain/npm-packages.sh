#!/usr/bin/env bash
# Installs the npm packages when package-lock.json is newer than what is installed; quick when it is not.
#
# Not `npm ci`: it refuses locks whose optional binaries for other systems a registry does not have.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
installed=node_modules/.package-lock.json

up_to_date() { [ -e "$installed" ] && ! [ package-lock.json -nt "$installed" ]; }
up_to_date && exit

mkdir -p node_modules
exec 9>node_modules/.install.lock
flock 9
up_to_date && exit

locked=$(mktemp)
cp -p package-lock.json "$locked"
# What is installed is what the lock says; npm may leave other words in it, which are not the developer's change.
trap 'cmp -s "$locked" package-lock.json || cp -p "$locked" package-lock.json; rm -f "$locked"' EXIT
tools/toolchain/step.sh --count '^npm http fetch GET 200 .*\.tgz' --of "$(grep -c '^    "node_modules/' package-lock.json)" \
  "installing npm packages" -- npm install --no-audit --no-fund --loglevel=http
touch "$installed"
