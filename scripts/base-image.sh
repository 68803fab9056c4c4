#!/usr/bin/env bash
# A tar of a minimal system of this machine's own release, made from its own package sources and kept in the cache.
# Prints the path of the tar. Images for the demo, the end-to-end tests and the benchmark begin with it.
#
#   scripts/base-image.sh [NAME PACKAGE…]     NAME.tar with these packages beside the minimal set
set -euo pipefail
# shellcheck source=scripts/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

name="${1:-minimal}"
[ "$#" -eq 0 ] || shift
packages=("$@")

# shellcheck source=/dev/null
. /etc/os-release
folder="$PLIMSOLL_CACHE/base"
tar="$folder/$ID-$VERSION_CODENAME-$name.tar"

# The file that says where the release itself comes from; sources that somebody added are not part of a base.
sources=
for candidate in "/etc/apt/sources.list.d/$ID.sources" /etc/apt/sources.list; do
    if grep -Eqs '^(deb |Types:)' "$candidate"; then
        sources="$candidate"
        break
    fi
done
if [ -z "$sources" ]; then
    say "base image: neither /etc/apt/sources.list.d/$ID.sources nor /etc/apt/sources.list names this machine's package sources"
    exit 2
fi

mkdir -p "$folder"
exec 9>"$tar.lock"
flock 9
if [ ! -s "$tar" ]; then
    say "base image: ${packages[*]:-a minimal system} of $PRETTY_NAME by mmdebstrap, from $sources, into $tar (once)"
    include=()
    [ "${#packages[@]}" -eq 0 ] || include=("--include=$(IFS=,; echo "${packages[*]}")")
    "${SUDO[@]}" mmdebstrap --variant=minbase --quiet "${include[@]}" \
        --format=tar "$VERSION_CODENAME" "$tar.part" "$sources" >&2 </dev/null
    "${SUDO[@]}" chown "$(id -u):$(id -g)" "$tar.part"
    mv "$tar.part" "$tar"
fi
printf '%s\n' "$tar"
