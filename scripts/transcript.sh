#!/usr/bin/env bash
# The README's commands from nothing to a touched signature, run as they stand there against docker's client, a real engine and a
# virtual YubiKey; prints what a person sees, and how many seconds it took. Needs root, for engine and card.
set -euo pipefail
# shellcheck source=scripts/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
cd "$ROOT"
use_rust

step "build" cargo build --workspace --all-targets --locked
PLIMSOLL_REQUIRE=1 cargo test -p e2e --locked --test e2e -- --exact --nocapture \
    touch::the_readme_s_commands_lead_from_nothing_to_a_touched_signature
