#!/usr/bin/env bash
# Everything that is judged without running the program: format, lints, licences and sources of dependencies.
set -euo pipefail
# shellcheck source=scripts/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
cd "$ROOT"

step "install what the checks need" scripts/install.sh build check
use_rust
step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
step "lints, as for macOS" scripts/check-macos.sh

deny() { "$PLIMSOLL_TOOLS/bin/cargo-deny" --locked "$@"; }
step "dependencies: bans, licences, sources" deny check --hide-inclusion-graph bans licenses sources
# The advisories are a git repository that not every machine can fetch: where somebody has, they count.
if compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/" >/dev/null; then
    step "dependencies: advisories" deny --offline check --hide-inclusion-graph advisories
else
    say "advisories of dependencies not checked: no database in ${CARGO_HOME:-$HOME/.cargo}/advisory-dbs ('cargo deny fetch db' brings one)"
fi
