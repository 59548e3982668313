#!/usr/bin/env bash
# Runs a command that takes a while: says that it began, every 15 s how far it is, and how long it took.
# step.sh [--count PATTERN --of NUMBER] WHAT -- COMMAND…
#
# How far: the lines of output that match PATTERN, of at most NUMBER; without them, the last line of output.
# The output itself is shown only when the command fails.
set -euo pipefail
pattern='' most=''
while [[ $1 == --* ]]; do
  case $1 in
    --count) pattern=$2 ;;
    --of) most=$2 ;;
    *) echo "step.sh: no option $1" >&2; exit 2 ;;
  esac
  shift 2
done
what=$1
shift 2

log=$(mktemp)
started=$SECONDS
state() {
  if [ -n "$pattern" ]; then echo "$(grep -cE "$pattern" "$log") of at most $most"; else tail -n 1 "$log"; fi
}
heartbeat() {
  while sleep 15 2>/dev/null && kill -0 $$ 2>/dev/null; do echo "  … $what: $(state) ($((SECONDS - started)) s)" >&2; done
}

echo "▶ $what" >&2
heartbeat >/dev/null &
heartbeat=$!
trap 'kill "$heartbeat" 2>/dev/null; rm -f "$log"' EXIT
status=0
# In the foreground, so that Ctrl-C ends it.
"$@" >"$log" 2>&1 || status=$?
if [ "$status" != 0 ]; then
  tail -n 100 "$log" >&2
  echo "✘ $what: ${*@Q} failed ($status)" >&2
  exit "$status"
fi
echo "✔ $what ($((SECONDS - started)) s)" >&2
