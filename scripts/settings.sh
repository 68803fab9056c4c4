# Folders and versions that the scripts share. Sourced, never run.
# shellcheck shell=bash disable=SC2034 # used by whoever sources this

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# What is built or fetched once and outlives a clone: tools, base trees of test images, CI's build folder.
PLIMSOLL_CACHE="${PLIMSOLL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plimsoll}"
PLIMSOLL_TOOLS="${PLIMSOLL_TOOLS:-$PLIMSOLL_CACHE/tools}"
export PLIMSOLL_CACHE PLIMSOLL_TOOLS

# Pinned, so that a new lint or a new release breaks nothing on a day when nobody changed anything.
RUST_VERSION=1.95.0
CARGO_DENY_VERSION=0.20.2
CARGO_AUDITABLE_VERSION=0.7.7
COSIGN_VERSION=v3.1.3
# The clients whose hooks are served: the last of 28, and one of 29 whose dependencies the module proxy gives out.
DOCKER_28_VERSION=28.5.2
DOCKER_29_VERSION=29.9.2
SYFT_VERSION=1.18.1
# What ships the schemas that outputs are held against.
CYCLONEDX_LIB_VERSION=11.12.0
SPDX_TOOLS_VERSION=0.8.5
JEST_SARIF_VERSION=1.0.0-beta.0
POLICY_CONTROLLER_VERSION=v0.13.1
KYVERNO_VERSION=v1.19.1
# Used where the machine's own Go is older than 1.21 and cannot fetch the one that a module asks for.
GO_VERSION=1.26.1

# What a running container's ids are taken from; see docs/isolation.md for why these numbers.
SYSTEM_USER=plimsoll
SUBID_FIRST=2000224256
SUBID_COUNT=147259392

# Root needs no sudo; everybody else does, and is told so by the command that asks.
SUDO=()
[ "$(id -u)" -eq 0 ] || SUDO=(sudo)

# The compiler that the project is checked with: the one on the PATH where it is that release, else rustup's copy.
# A toolchain file would do the same, but stops every cargo command on a machine that has only its distribution's Rust.
use_rust() {
    [ -d "$HOME/.cargo/bin" ] && case ":$PATH:" in *":$HOME/.cargo/bin:"*) ;; *) export PATH="$HOME/.cargo/bin:$PATH" ;; esac
    case "$(rustc --version 2>/dev/null)" in "rustc $RUST_VERSION "*) return 0 ;; esac
    if command -v rustup >/dev/null && rustup toolchain list 2>/dev/null | grep "^$RUST_VERSION" >/dev/null; then
        export RUSTUP_TOOLCHAIN="$RUST_VERSION"
        return 0
    fi
    return 1
}

say() { printf '%s\n' "$*" >&2; }

# `step WHAT COMMAND…` runs the command and prints how long it took, also when it fails.
step() {
    local what="$1" began=$SECONDS status=0
    shift
    say "==> $what"
    "$@" || status=$?
    local took=$((SECONDS - began))
    if [ "$status" -eq 0 ]; then
        say "<== $what: $((took / 60)) min $((took % 60)) s"
    else
        say "<== $what FAILED with $status after $((took / 60)) min $((took % 60)) s"
    fi
    return "$status"
}
