#!/usr/bin/env bash
# Builds stand-ins for the official Python, PostgreSQL and Caddy images out of Debian packages,
# for machines that reach a Debian mirror but no image registry.
#   build.sh         what is missing
#   build.sh fresh   all of it anew, with Debian's newest packages
# The mirror is the one that this machine's own apt uses, where this is Debian; debootstrap's default
# otherwise.
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/say.sh
source deploy/base_images/apt.sh

suite=trixie
debian=assay/debian:$suite
python=assay/python:3.13-$suite
postgres=assay/postgres:17-$suite
caddy=assay/caddy:2.6-$suite
here=deploy/base_images
tools=$PWD/.tools

deploy/engine.sh

as_root() {
    if [[ $EUID -eq 0 ]]; then "$@"; else sudo -- "$@"; fi
}

# Nothing is installed on the host: the package is unpacked below .tools and run from there.
find_debootstrap() {
    if command -v debootstrap >/dev/null; then
        debootstrap=$(command -v debootstrap)
        debootstrap_dir=/usr/share/debootstrap
        return
    fi
    debootstrap=$tools/debootstrap/usr/sbin/debootstrap
    debootstrap_dir=$tools/debootstrap/usr/share/debootstrap
    [[ -x $debootstrap ]] && return
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail \
        "this machine has neither debootstrap nor apt-get to get it with." \
        "Install debootstrap, or name images that can be pulled in $ASSAY_ENV_FILE:" \
        "PYTHON_IMAGE (Python 3.13, Debian), POSTGRES_IMAGE (PostgreSQL 17), CADDY_IMAGE (Caddy 2)."
    note "getting debootstrap into .tools (it is not installed on this machine)"
    mkdir -p "$tools/download"
    rm -f "$tools"/download/debootstrap_*.deb
    # Without lists, or with old ones, apt cannot say where the package is.
    (cd "$tools/download" && apt-get download -q debootstrap >/dev/null 2>&1) ||
        { own_lists && (cd "$tools/download" && apt-get "${apt[@]}" download -q debootstrap >>"$tools/apt.log" 2>&1); } ||
        fail "apt could not download debootstrap; its last lines:" "$(tail -n 5 "$tools/apt.log")" \
            "Is this machine's Debian mirror reachable? The whole log: $tools/apt.log"
    dpkg-deb --extract "$tools"/download/debootstrap_*.deb "$tools/debootstrap"
}

build_debian() {
    say "Building $debian with debootstrap (under a minute)"
    if [[ $EUID -ne 0 ]]; then
        note "debootstrap needs root: sudo may ask for your password"
        command -v sudo >/dev/null || fail "building a base image needs root, and there is no sudo." \
            "Run this once as root: make base-images"
    fi
    find_debootstrap
    find_mirrors
    local root log
    root=$(mktemp -d /var/tmp/assay-debian.XXXXXX)
    log=$tools/debootstrap.log
    trap 'as_root rm -rf --one-file-system "'"$root"'"' EXIT
    as_root env DEBOOTSTRAP_DIR="$debootstrap_dir" ${http_proxy:+http_proxy="$http_proxy"} \
        "$debootstrap" --variant=minbase --include=ca-certificates "$suite" "$root" \
        ${mirror:+"$mirror"} >"$log" 2>&1 ||
        fail "debootstrap failed; its last lines:" "$(tail -n 5 "$log")" "The whole log: $log"
    if [[ -n $security ]]; then
        echo "deb $security $suite-security main" | as_root tee -a "$root/etc/apt/sources.list" >/dev/null
    fi
    # The certificates that this machine trusts: behind a proxy that inspects TLS, pip needs them.
    local bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
    if [[ -r $bundle ]]; then
        as_root cp "$bundle" "$root/etc/ssl/certs/assay-host.crt"
    else
        as_root cp "$root/etc/ssl/certs/ca-certificates.crt" "$root/etc/ssl/certs/assay-host.crt"
    fi
    as_root chmod 644 "$root/etc/ssl/certs/assay-host.crt"
    as_root tar --create --directory "$root" --one-file-system \
        --exclude './var/cache/apt/*' --exclude './var/lib/apt/lists/*' \
        --exclude './usr/share/doc/*' --exclude './usr/share/man/*' \
        --exclude './usr/share/locale/*' --exclude './dev/*' --exclude './proc/*' . |
        docker import --change 'CMD ["bash"]' - "$debian" >/dev/null
}

mkdir -p "$tools"
fresh=${1:-}
if [[ -n $fresh ]] || ! docker image inspect "$debian" >/dev/null 2>&1; then build_debian; fi
for image in "$python" "$postgres" "$caddy"; do
    name=${image#assay/} && name=${name%%:*}
    say "Building $image"
    # The classic builder is everywhere; BuildKit needs a plugin that may be missing.
    DOCKER_BUILDKIT=0 docker build --tag "$image" --file "$here/Dockerfile.$name" \
        ${http_proxy:+--build-arg http_proxy="$http_proxy"} "$here" >"$tools/base-$name.log" 2>&1 ||
        fail "building $image failed; the last lines:" "$(tail -n 5 "$tools/base-$name.log")" \
            "Is the Debian mirror reachable from containers? The whole log: $tools/base-$name.log"
done
deploy/env_file.sh set PYTHON_IMAGE "$python"
deploy/env_file.sh set POSTGRES_IMAGE "$postgres"
deploy/env_file.sh set CADDY_IMAGE "$caddy"
