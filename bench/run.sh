#!/usr/bin/env bash
# How fast, against the programs that people know; in one run, so that the ratios hold on any machine.
# Prints tables in Markdown. `make bench` calls it. Trivy is measured too where it is on the PATH.
#
#   bench/run.sh scans   only these; `pushes`, `starts` and `trust` are the others
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
release="${CARGO_TARGET_DIR:-$ROOT/target}/release"
if [ "$#" -eq 0 ] || [ "$1" = trust ]; then
    # cosign and docker-registry come with the tests.
    step "install what signatures are measured against" scripts/install.sh test
    step "the verification alone" cargo build --release --locked --package trust --example verify_cached
    PLIMSOLL="$release/plimsoll" VERIFY_CACHED="$release/examples/verify_cached" COSIGN="$PLIMSOLL_TOOLS/bin/cosign" \
        python3 bench/trust.py
    [ "$#" -eq 0 ] || exit 0
fi
step "the bare loop" cargo build --release --locked --package image --example bare_loop

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
step "its other shapes" python3 bench/images.py "$base" "$layout" "$PLIMSOLL_CACHE"
PLIMSOLL="$release/plimsoll" BARE_LOOP="$release/examples/bare_loop" SYFT="$PLIMSOLL_TOOLS/syft-$SYFT_VERSION/bin/syft" \
    LAYOUT="$layout" TAR="$base" SMALL="$(scripts/base-image.sh)" exec python3 bench/measure.py "$@"
