#!/usr/bin/env bash
# One real image through the whole pipeline, explained step by step. `make demo` calls it.
#
#   IMAGE=…         a reference, a `docker save` archive or an OCI layout; else debian:12, else a base made here
#   ADVISORIES=DIR  OSV records (a folder, zip, tar or tar.zst) beside those that are fetched
#   ONCE=1          end after the last step, with an exit code; else the server stays until Ctrl-C
#
# Nothing here is staged: a step that fails ends the demo with its error.
set -euo pipefail
# shellcheck source=scripts/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/settings.sh"
cd "$ROOT"

# ---- what is said ----------------------------------------------------------------------------------------------

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
number=0 step=start explained=
title() { number=$((number + 1)) step="$*"; printf '\n%s%d. %s%s\n' "$bold" "$number" "$step" "$plain"; }
tell() { printf '   %s\n' "$*"; }
# Shows a command as one would type it, runs it, and shows what it said.
show() {
    printf '   %s$ %s%s\n' "$dim" "$(shown "$@")" "$plain"
    "$@" 2>&1 | indent
}
indent() { sed 's/^/   | /'; }
shown() {
    local word
    for word in "$@"; do
        if [ "$word" = "$plimsoll" ]; then word=plimsoll; fi
        if [ "$word" = "$PLIMSOLL_TOOLS/bin/cosign" ]; then word=cosign; fi
        if [[ "$word" =~ ^[A-Za-z0-9_.,:/=@%+-]+$ ]]; then printf '%s ' "$word"; else printf '%q ' "$word"; fi
    done
}
stop_with() {
    explained=yes
    printf '\n%sThe demo failed:%s %s\n' "$bold" "$plain" "$*" >&2
    exit 1
}

# ---- what is started is ended ----------------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/plimsoll-demo.XXXXXX")
chmod 755 "$work"
server=
container=
inside=
clean_up() {
    local status=$?
    trap - EXIT INT TERM
    [ "$status" -eq 0 ] || [ "$status" -eq 130 ] || [ -n "$explained" ] ||
        printf '\n%sThe demo failed:%s in step %d, "%s"; what went wrong stands above\n' "$bold" "$plain" "$number" "$step" >&2
    # The first process of a container takes no SIGTERM that it did not ask for, here as with docker.
    [ -z "$inside" ] || "${SUDO[@]}" kill -KILL "$inside" 2>/dev/null || true
    [ -z "$container" ] || end "$container"
    [ -z "$server" ] || end "$server"
    "${SUDO[@]}" rm -rf "$work"
    exit "$status"
}
end() {
    "${SUDO[@]}" kill -TERM "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# ---- the machine -----------------------------------------------------------------------------------------------

title "What this machine needs"
scripts/install.sh build user demo
use_rust
tell "the user $SYSTEM_USER (uid $(id -u "$SYSTEM_USER")) and its ids for containers: $(grep "^$SYSTEM_USER:" /etc/subuid)"

title "The release binaries"
cargo build --release --locked --package cli --package sandbox 2>&1 | tail -n 1 | indent
plimsoll="${CARGO_TARGET_DIR:-$ROOT/target}/release/plimsoll"
[ -x "$plimsoll" ] || stop_with "no $plimsoll after the build"
tell "$plimsoll, and plimsoll-sandbox beside it"

# ---- the server ------------------------------------------------------------------------------------------------

title "A server on a temporary data folder"
data="$work/data"
port=$(python3 - <<'PYTHON'
import socket
for port in (5150, 0):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PYTHON
)
registry="127.0.0.1:$port"
"${SUDO[@]}" "$plimsoll" --data "$data" up --listen "$registry" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    curl -fsS -o /dev/null --max-time 2 "http://$registry/v2/" 2>/dev/null && break
    kill -0 "$server" 2>/dev/null || { indent <"$work/server.log"; stop_with "the server ended while it started"; }
    sleep 0.1
done
curl -fsS -o /dev/null --max-time 2 "http://$registry/v2/" || { indent <"$work/server.log"; stop_with "the server does not answer"; }
tell "started as root, it gave up root before it opened anything:"
ps -o user:12,pid,args -p "$(pgrep -d, -f -- "--data $data")" | indent
tell "registry and pages: http://$registry/   data: $data   log: $work/server.log"

# ---- advisories ------------------------------------------------------------------------------------------------

title "Advisories"
db=("${SUDO[@]}" "$plimsoll" --data "$data" db)
if curl -fsS -o /dev/null --max-time 5 https://osv-vulnerabilities.storage.googleapis.com/ecosystems.txt 2>/dev/null; then
    tell "osv.dev answers: its records for Debian and PyPI"
    show "${db[@]}" update Debian PyPI
else
    tell "osv.dev does not answer from here: the demo's own five records, demo/advisories"
    show "${db[@]}" import "$ROOT/demo/advisories"
fi
if [ -n "${ADVISORIES:-}" ]; then
    [ -e "$ADVISORIES" ] || stop_with "ADVISORIES=$ADVISORIES is not there"
    tell "and those of ADVISORIES=$ADVISORIES"
    show "${db[@]}" import "$ADVISORIES"
fi
show "${db[@]}" status

# ---- the image -------------------------------------------------------------------------------------------------

title "An image"
debian=docker://docker.io/library/debian:12
if [ -n "${IMAGE:-}" ]; then
    if [ -d "$IMAGE" ]; then source="oci:$IMAGE"; elif [ -f "$IMAGE" ]; then source="docker-archive:$IMAGE"; else source="docker://$IMAGE"; fi
    name=demo/image:1.0
    tell "IMAGE=$IMAGE"
elif timeout 20 skopeo inspect --raw "$debian" >/dev/null 2>&1; then
    source="$debian"
    name=demo/debian:12
    tell "docker.io answers: debian:12"
else
    tell "docker.io does not answer from here: a base of this machine's own release, by mmdebstrap"
    base=$(scripts/base-image.sh)
    packages=(jinja2==2.10 urllib3==1.24.1)
    layer="$work/layer/usr/local/lib/python3/dist-packages"
    mkdir -p "$layer"
    tell "and one layer more with old packages from PyPI: ${packages[*]}"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --no-compile \
        --only-binary :all: --target "$layer" "${packages[@]}" ||
        stop_with "PyPI does not answer either, and an image without a known vulnerability shows little; name one with IMAGE=…"
    tar -C "$work/layer" --owner=0 --group=0 --numeric-owner --sort=name -cf "$work/layer.tar" .
    umoci init --layout "$work/image"
    umoci new --image "$work/image:12"
    umoci raw add-layer --image "$work/image:12" "$base" 2>&1 | indent
    umoci raw add-layer --image "$work/image:12" "$work/layer.tar" 2>&1 | indent
    umoci config --image "$work/image:12" --config.cmd /bin/bash \
        --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    source="oci:$work/image:12"
    name=demo/debian:12
fi
image="$registry/$name"

title "Pushed, and scanned while it arrives"
began=$(date +%s%N)
show skopeo copy --quiet --dest-tls-verify=false "$source" "docker://$image"
tell "pushed in $((($(date +%s%N) - began) / 1000000)) ms; the manifest's answer waits until its layers are catalogued"
digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$image") || stop_with "the image cannot be read back"
tell "$image is $digest"

title "What the scan found"
"${SUDO[@]}" "$plimsoll" --data "$data" scan --offline "$image" >"$work/findings.txt" 2>"$work/scan.log" ||
    { indent <"$work/scan.log"; stop_with "the scan failed"; }
head -n 30 "$work/findings.txt" | indent
tell "as pages: http://$registry/"

# ---- signatures ------------------------------------------------------------------------------------------------

title "A policy that wants a signature"
keys="$work/keys"
mkdir "$keys" # The public key is read by the server's user; the private one is its owner's alone.
export PLIMSOLL_PASSPHRASE
PLIMSOLL_PASSPHRASE=$(head -c 18 /dev/urandom | base64)
show "$plimsoll" key generate "$keys/release"
policy="$work/policy.toml"
cat >"$policy" <<TOML
[[rule]]
images  = "$registry/**"
mode    = "enforce"
signers = { keys = ["$keys/release.pub"], threshold = 1 }
TOML
indent <"$policy"

title "Unsigned: refused"
run=("${SUDO[@]}" "$plimsoll" --data "$data" run --policy "$policy" --rm)
status=0
"${run[@]}" "$image" true >"$work/refusal.txt" 2>&1 || status=$?
indent <"$work/refusal.txt"
[ "$status" -eq 125 ] || stop_with "an unsigned image should be refused with 125, and plimsoll run ended with $status"
grep -q "no valid signature" "$work/refusal.txt" || stop_with "it was refused for another reason than the missing signature"
tell "exit code 125: nothing was started"

title "Signed, and verified"
show "$plimsoll" --data "$work/own" sign --key "$keys/release.key" "$image"
show "$plimsoll" --data "$work/own" verify --key "$keys/release.pub" "$image"
if [ -x "$PLIMSOLL_TOOLS/bin/cosign" ]; then
    tell "and by cosign, which knows nothing of Plimsoll:"
    show "$PLIMSOLL_TOOLS/bin/cosign" verify --key "$keys/release.pub" --insecure-ignore-tlog --allow-http-registry "$image"
fi
show "${SUDO[@]}" "$plimsoll" --data "$data" policy test --policy "$policy" "$image"

# ---- a container -----------------------------------------------------------------------------------------------

title "Signed: runs, as root only inside"
# shellcheck disable=SC2016 # for the shell inside
"${run[@]}" "$image" sh -c 'echo "inside: uid $(id -u)"; exec sleep 300' >"$work/inside.txt" 2>&1 &
container=$!
seen=
for _ in $(seq 300); do
    seen=$(ps -eo uid=,pid=,args= | awk -v first="$SUBID_FIRST" '$1 >= first && $1 < 2147483648 && $3 == "sleep" && $4 == "300" { print $1, $2; exit }')
    [ -n "$seen" ] && [ -s "$work/inside.txt" ] && break
    kill -0 "$container" 2>/dev/null || break
    sleep 0.1
done
indent <"$work/inside.txt"
[ -n "$seen" ] || stop_with "no process of the container is seen from the host"
read -r uid inside <<<"$seen"
grep -q '^inside: uid 0$' "$work/inside.txt" || stop_with "the container did not say that it is uid 0 inside"
tell "outside: uid $uid, process $inside"
"${SUDO[@]}" grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' "/proc/$inside/status" | indent
"${SUDO[@]}" kill -KILL "$inside"
status=0
wait "$container" || status=$?
container='' inside=''
[ "$status" -eq 137 ] || stop_with "a killed container should end with 137, as docker has it, and plimsoll run ended with $status"
left=$(grep -c "$work" /proc/self/mountinfo || true)
[ "$left" -eq 0 ] || stop_with "$left mounts stayed behind"
tell "killed: exit code 137, and no mount stayed behind"

# ----------------------------------------------------------------------------------------------------------------

title "Done"
tell "pages      http://$registry/"
tell "push       skopeo copy --dest-tls-verify=false docker-daemon:… docker://$registry/…, or docker push $registry/…"
tell "policy     $policy"
tell "log        $work/server.log"
if [ "${ONCE:-}" = 1 ]; then
    tell "every step did what it said"
    exit 0
fi
tell "the server runs until Ctrl-C"
wait "$server" || stop_with "the server ended by itself; its log: $(tail -n 5 "$work/server.log")"
