#!/usr/bin/env bash
# Bundles every app (cached, so quick when nothing changed), then runs the command: tools/build/apps.sh COMMAND…
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
started=$SECONDS
echo "▶ bundling the apps" >&2
log=$(mktemp)
if ! npx nx run-many -t build --parallel=2 --outputStyle=stream >"$log" 2>&1; then
  cat "$log" >&2
  rm -f "$log"
  echo "✘ bundling the apps failed; \`npx nx build PROJECT\` repeats one" >&2
  exit 1
fi
rm -f "$log"
echo "✔ bundling the apps ($((SECONDS - started)) s)" >&2
exec "$@"
