#!/usr/bin/env bash
# Lints the program as it is for macOS, where nobody has run it yet. Only Rust is looked at: what dependencies compile from C wants
# Apple's SDK, so their compiler is one that makes empty files, and nothing is linked.
set -euo pipefail
# shellcheck source=scripts/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
cd "$ROOT"
use_rust

TARGET=aarch64-apple-darwin
if ! command -v rustup >/dev/null || ! rustup target add "$TARGET" >/dev/null 2>&1; then
    say "macOS not checked: 'rustup target add $TARGET' does not work here"
    exit 0
fi

stand_in=$(mktemp -d)
trap 'rm -rf "$stand_in"' EXIT
# The object is the file behind -o, the archive the one that ends in .a.
cat >"$stand_in/cc" <<'SCRIPT'
#!/bin/sh
while [ $# -gt 0 ]; do
    [ "$1" != -o ] || : >"$2"
    shift
done
SCRIPT
cat >"$stand_in/ar" <<'SCRIPT'
#!/bin/sh
for argument; do
    case $argument in *.a) : >"$argument" ;; esac
done
SCRIPT
chmod 755 "$stand_in/cc" "$stand_in/ar"
export CC_aarch64_apple_darwin="$stand_in/cc" AR_aarch64_apple_darwin="$stand_in/ar"

lint() { cargo clippy --locked --quiet --target "$TARGET" "$@" -- -D warnings; }
lint -p cli --bins
# The unit tests of what has a half for macOS.
lint -p keys -p cli --lib --bins --profile test
