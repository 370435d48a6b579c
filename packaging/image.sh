#!/usr/bin/env bash
# The container image without a builder's image: builds the static binary on this host, makes the Dockerfile's runtime
# stage from it with buildah, and then runs what is in it. Leaves target/image/scrubline.tar, for `docker load` or
# `podman load`.
#
# As root, on Debian: apt-get install buildah python3. Pulls nothing. With SKIP_CHECK=1 the image is made, not run.
#
# On a static glibc: getaddrinfo reads /etc/hosts and asks the servers of /etc/resolv.conf by code that glibc 2.34 and
# later have built in, so that no libnss_*.so is missed. Seen with glibc 2.36 in an empty root: a name in /etc/hosts
# and one from a DNS server resolve, with no nsswitch.conf; with no /etc/hosts, `localhost` does not. Container
# runtimes mount both files. probe() asks again each time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=target/image
target=$(uname -m)-unknown-linux-gnu
static=(env RUSTFLAGS="-C target-feature=+crt-static")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
tag=localhost/scrubline:$version

# In storage of its own, by the driver and the isolation that need nothing of the kernel.
buildah() {
    command buildah --root "$PWD/$out/storage" --runroot "$PWD/$out/run" --storage-driver vfs "$@"
}

die() {
    echo "packaging/image.sh: $*" >&2
    exit 1
}

children=()
container=
cleanup() {
    local child
    for child in "${children[@]}"; do
        kill "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    done
    if [[ -n $container ]]; then
        buildah umount "$container" >/dev/null || true
        buildah rm "$container" >/dev/null || true
    fi
}
trap cleanup EXIT

command -v buildah >/dev/null || die "buildah is missing (Debian: apt-get install buildah)"
[[ $(id -u) -eq 0 ]] || die "needs root, as buildah's chroot isolation does"
rm -rf "$out/context"
mkdir -p "$out/context/out"

echo "==> binary"
"${static[@]}" cargo build --release --locked --bin scrubline --target "$target"
binary=${CARGO_TARGET_DIR:-target}/$target/release/scrubline
ldd "$binary" 2>&1 | grep -Eq 'statically linked|not a dynamic executable' || die "$binary is not static"
cp "$binary" "$out/context/out/"

echo "==> image"
# The folder stands in for the stage `build`, of which the runtime stage copies /out/scrubline.
buildah build --isolation chroot --pull=never --target runtime --build-context "build=$PWD/$out/context" \
    --tag "$tag" .
rm -f "$out/scrubline.tar"
buildah push --quiet "$tag" "docker-archive:$out/scrubline.tar:scrubline:$version"
ls -lh "$out/scrubline.tar"
[[ -z ${SKIP_CHECK:-} ]] || exit 0

container=$(buildah from --pull=never "$tag")
root=$(buildah mount "$container")

echo "==> in the image: nothing but the binary"
[[ $(cd "$root" && find . -type f) == ./scrubline ]] || die "there is more than the binary: $(cd "$root" && find . -type f)"

echo "==> in the image: version"
said=$(buildah run --isolation chroot "$container" -- /scrubline --version)
echo "$said"
[[ $said == "scrubline $version"* ]] || die "not the version of Cargo.toml"

echo "==> in the image: names resolve"
probe() {
    cat >"$out/probe.rs" <<'RUST'
use std::net::ToSocketAddrs;
fn main() {
    let found: Vec<_> = ("localhost", 80).to_socket_addrs().unwrap().collect();
    println!("localhost is {found:?}");
    assert!(found.iter().all(|address| address.ip().is_loopback()));
}
RUST
    rustc -C target-feature=+crt-static --target "$target" -o "$out/probe" "$out/probe.rs"
    buildah run --isolation chroot --volume "$PWD/$out/probe:/probe:ro" "$container" -- /probe
}
probe

echo "==> in the image: serve"
# By chroot, and not `buildah run`, so that the process is our child and can be ended. With the one file that a
# container runtime would mount; for the upstream is called by name.
mkdir -p "$root/etc"
echo "127.0.0.1 localhost" >"$root/etc/hosts"
user=$(buildah inspect --type image --format '{{.OCIv1.Config.User}}' "$tag")
read -r listen admin < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))')
# An upstream that says on which port it is, and then prints the body of the one request that it gets.
coproc UPSTREAM { exec python3 -u packaging/upstream.py; }
children+=("$UPSTREAM_PID")
exec {from_upstream}<&"${UPSTREAM[0]}"
read -r -t 20 upstream <&"$from_upstream" || die "the upstream did not start"
env -i PATH="$PATH" SCRUBLINE_SERVER__LISTEN="127.0.0.1:$listen" SCRUBLINE_SERVER__ADMIN="127.0.0.1:$admin" \
    SCRUBLINE_UPSTREAM__URL="http://localhost:$upstream" \
    chroot --userspec="$user" "$root" /scrubline serve &
children+=("$!")
python3 packaging/client.py "$listen" "$admin" || die "the image's scrubline did not serve"
read -r -t 20 arrived <&"$from_upstream" || die "nothing arrived at the upstream"
echo "$arrived"
[[ $arrived == *"the till is out of paper"* ]] || die "what arrived is not the event"
[[ $arrived != *canary* ]] || die "the secret arrived"

echo "==> good: $tag"
