#!/usr/bin/env bash
# How fast, against the programs that people know; in one run, so that the ratios hold on any machine.
# Prints a table in Markdown. `make bench` calls it.
#
#   RUNS=5           how often each fast command is timed
#   ADVISORIES=DIR   OSV records for the index; else `../shared/data/osv`, else the demo's five
set -euo pipefail
# shellcheck source=scripts/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/settings.sh"
cd "$ROOT"
if [ "${#SUDO[@]}" -gt 0 ]; then
    say "bench: containers are measured too, which needs root; run it as root"
    exit 2
fi
step "install what the benchmark needs" scripts/install.sh build user bench
use_rust
step "release build" cargo build --release --locked --package cli --package sandbox

base=$(scripts/base-image.sh bench build-essential python3 nodejs npm default-jdk-headless git)
layout="$PLIMSOLL_CACHE/bench-image"
if [ ! -e "$layout/complete" ]; then
    rm -rf "$layout"
    umoci init --layout "$layout"
    umoci new --image "$layout:1.0"
    step "compress its layer" umoci raw add-layer --image "$layout:1.0" "$base" >&2
    umoci config --image "$layout:1.0" --config.cmd /bin/bash
    touch "$layout/complete"
fi
PLIMSOLL="${CARGO_TARGET_DIR:-$ROOT/target}/release/plimsoll" SYFT="$PLIMSOLL_TOOLS/syft-$SYFT_VERSION/bin/syft" \
    LAYOUT="$layout" TAR="$base" SMALL="$(scripts/base-image.sh)" exec python3 bench/measure.py
