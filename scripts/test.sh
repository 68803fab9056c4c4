#!/usr/bin/env bash
# All tests, with the real counterparts that they talk to. What is missing is installed first.
#
# PLIMSOLL_TEST_DATA   a folder of real advisories and images; `../shared/data` where it exists
# PLIMSOLL_TEST_LIMIT  seconds that one test program may take (1200)
# PLIMSOLL_CACHE       tools and base trees that outlive a clone (~/.cache/plimsoll)
set -euo pipefail
# shellcheck source=scripts/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
cd "$ROOT"

step "install what the tests need" scripts/install.sh build user test
use_rust

if [ -z "${PLIMSOLL_TEST_DATA:-}" ] && [ -d "$ROOT/../shared/data" ]; then
    PLIMSOLL_TEST_DATA="$(cd "$ROOT/../shared/data" && pwd)"
fi
[ -z "${PLIMSOLL_TEST_DATA:-}" ] || export PLIMSOLL_TEST_DATA
# Everything is installed now, so a test that finds its counterpart missing has found a mistake.
export PLIMSOLL_REQUIRE="${PLIMSOLL_REQUIRE:-1}"
# A test that waits forever would keep the others from being told of: its program ends after so many seconds.
runner="timeout --foreground --kill-after=10 ${PLIMSOLL_TEST_LIMIT:-1200}"
# Broker, containers and privileges are root's business. The build stays the caller's.
[ "${#SUDO[@]}" -eq 0 ] || runner+=" sudo -E env PATH=$PATH HOME=$HOME"
host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
export "CARGO_TARGET_${host}_RUNNER=$runner"

# Integration tests of one crate start the binaries of another, so all are built before any runs.
step "build the tests" cargo test --workspace --all-targets --locked --no-run

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run_tests() {
    cargo test --workspace --locked --no-fail-fast "$@" 2>&1 | tee -a "$log"
}
status=0
step "examples in the documentation" run_tests --doc || status=1
step "tests" run_tests --all-targets || status=1

# Cargo closes with the numbers of its last binary; this is the sum over all.
awk '/^test result:/ { for (i = 2; i <= NF; i++) { if ($i == "passed;") p += $(i-1); if ($i == "failed;") f += $(i-1); if ($i == "ignored;") s += $(i-1) } }
     END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit p == 0 }' "$log" || status=1
exit "$status"
