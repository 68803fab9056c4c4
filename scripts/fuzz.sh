#!/usr/bin/env bash
# Every fuzz target for a bounded time, from the inputs that are kept and those that earlier runs found.
#
#   scripts/fuzz.sh [TARGET…]   these; all without words
#   TIME=60                     seconds for each target
set -euo pipefail
# shellcheck source=scripts/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
cd "$ROOT"

step "install what building needs" scripts/install.sh build
command -v rustup >/dev/null || { say "fuzz: cargo-fuzz needs a nightly compiler, and rustup to bring it (https://rustup.rs)"; exit 2; }
rustup toolchain list | grep '^nightly' >/dev/null || step "install a nightly compiler" rustup toolchain install nightly --profile minimal
cargo fuzz --version >/dev/null 2>&1 || step "install cargo-fuzz" cargo install --locked cargo-fuzz

# Instrumented objects fit nothing else, and outlive the clone like CI's own.
export CARGO_TARGET_DIR="$PLIMSOLL_CACHE/fuzz-target"
if [ "$#" -eq 0 ]; then
    mapfile -t targets < <(cargo +nightly fuzz list)
    set -- "${targets[@]}"
fi
step "build the targets" cargo +nightly fuzz build

failed=()
for target in "$@"; do
    corpus="$PLIMSOLL_CACHE/fuzz-corpus/$target"
    mkdir -p "$corpus"
    inputs=("$corpus")
    [ ! -d "fuzz/seeds/$target" ] || inputs+=("fuzz/seeds/$target")
    options=(-max_total_time="${TIME:-60}" -rss_limit_mb=2048 -timeout=20 -print_final_stats=0 -verbosity=0)
    [ ! -e "fuzz/dictionaries/$target.dict" ] || options+=(-dict="fuzz/dictionaries/$target.dict")
    step "fuzz $target" cargo +nightly fuzz run "$target" "${inputs[@]}" -- "${options[@]}" || failed+=("$target")
done
if [ "${#failed[@]}" -gt 0 ]; then
    say "found something in: ${failed[*]}; the inputs lie in fuzz/artifacts. Make each a test beside the others of its crate."
    exit 1
fi
