#!/usr/bin/env bash
# The release binaries, `plimsoll` and `plimsoll-sandbox`.
set -euo pipefail
# shellcheck source=scripts/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
cd "$ROOT"
scripts/install.sh build
use_rust
step "release build" cargo build --release --locked --package cli --package sandbox
