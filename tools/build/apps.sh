#!/usr/bin/env bash
# Bundles every app (cached, so quick when nothing changed), then runs the command: tools/build/apps.sh COMMAND…
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tools/toolchain/step.sh "bundling the apps" -- npx nx run-many -t build --parallel=2 --outputStyle=stream
exec "$@"
