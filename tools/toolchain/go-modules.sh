#!/usr/bin/env bash
# Downloads the Go modules of the cluster's programs. `cluster build` would do so too, but only after npm, on which it depends.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || exit 0 # `cluster build` says so
export CGO_ENABLED=0 GOTOOLCHAIN=local
# All that is built: the packages of this module, and those that go.mod names as tools.
cd "$here/../cluster/binaries"
"$here/step.sh" \
  --count '^go: downloading' --of "$(grep -cE '^\s+\S+ v[0-9]' go.mod)" "downloading Go modules" -- go list -deps ./... tool
# Nearly all of its modules are those of the other.
cd ../health
go list -deps . >/dev/null
cd ../alerts
go list -deps . >/dev/null
cd ../s3
go list -deps tool >/dev/null
cd ../kms
exec go list -deps tool >/dev/null
