#!/bin/sh
# The gateway's first process: refuses what is unsafe, prepares what the Caddyfile imports, starts
# Caddy, and has it read the users again whenever their file has changed.
set -eu
here=$(dirname "$0")
. "$here/safe.sh"

export GATEWAY_WORK="${GATEWAY_WORK:-/tmp/gateway}"
export GATEWAY_PORT="${GATEWAY_PORT:-3000}"
export ASSAY_TLS="${ASSAY_TLS:-off}"
export GATEWAY_HTTP_PORT=3080 GATEWAY_HTTPS_PORT="$GATEWAY_PORT"
[ "$ASSAY_TLS" != off ] || export GATEWAY_HTTP_PORT="$GATEWAY_PORT" GATEWAY_HTTPS_PORT=3443
users=${GATEWAY_USERS:-/assay/logins/users}
mkdir -p "$GATEWAY_WORK"

refuse() {
    printf 'The gateway does not start. %s\n' "$1" >&2
    exit 1
}

# The host of an address: https://name:port/… → name
host_of() { printf '%s' "$1" | sed -e 's,^[a-z]*://,,' -e 's,/.*,,' -e 's,:[0-9]*$,,'; }

# --- where ---
url=${ASSAY_UI_URL:-http://127.0.0.1:3000}
hosts="$(host_of "$url") ${ASSAY_UI_HOSTS:-}"
address=${ASSAY_UI_ADDRESS:-127.0.0.1}
case $address in
    0.0.0.0 | :: | "[::]") ;;
    *) hosts="$hosts $address" ;;
esac
once() { printf '%s\n' "$@" | sort -u | tr '\n' ' '; }
# shellcheck disable=SC2086  # one word each
public=$(once $hosts)
for host in $public; do
    case $host in
        *[!A-Za-z0-9.:_-]*) refuse "'$host' is no name of a machine: see ASSAY_UI_URL, ASSAY_UI_HOSTS, ASSAY_UI_ADDRESS." ;;
    esac
done
# shellcheck disable=SC2086
export GATEWAY_HOSTS="$(once $public localhost 127.0.0.1 "[::1]")"
export GATEWAY_FIRST_HOST="$(host_of "$url")"
export GATEWAY_ORIGIN="$(printf '%s' "$url" | sed -e 's,^\([a-z]*://[^/]*\).*,\1,')"
sites=""
names=$public
[ "$ASSAY_TLS" = acme ] || names="$public localhost 127.0.0.1"
# shellcheck disable=SC2086
for host in $(once $names); do sites="$sites${sites:+, }https://$host:$GATEWAY_PORT"; done
export GATEWAY_SITES="$sites"

# --- encrypted how ---
case $ASSAY_TLS in
    files)
        for file in cert.pem key.pem; do
            [ -r "/assay/tls/$file" ] || refuse "ASSAY_TLS=files, but $file in ASSAY_TLS_DIR is not there, or uid 10001 may not read it."
        done ;;
    acme)
        export GATEWAY_ACME_ACCOUNT="${ASSAY_ACME_EMAIL:+email $ASSAY_ACME_EMAIL}"
        export GATEWAY_ACME_DIRECTORY="${ASSAY_ACME_DIRECTORY:+dir $ASSAY_ACME_DIRECTORY}"
        [ ! -r /assay/tls/acme-root.pem ] || export GATEWAY_ACME_ROOT='trusted_roots /assay/tls/acme-root.pem' ;;
esac
# Not with our own authority: whoever does not trust it yet could no longer look past the warning.
case $ASSAY_TLS in
    files | acme) export GATEWAY_HSTS='Strict-Transport-Security max-age=31536000' ;;
esac

# --- who ---
export GATEWAY_LOGIN=login_users
[ -z "${ASSAY_SSO_URL:-}" ] || GATEWAY_LOGIN=login_sso

# Users' file: name, role, bcrypt hash. Prints the configuration that fits it.
prepare() {
    awk 'NF == 3 { print $1, $3 }' "$users" >"$GATEWAY_WORK/accounts" 2>/dev/null || : >"$GATEWAY_WORK/accounts"
    awk 'NF == 3 { print $1, $2 }' "$users" >"$GATEWAY_WORK/roles" 2>/dev/null || : >"$GATEWAY_WORK/roles"
    if [ -s "$GATEWAY_WORK/accounts" ] || [ -n "${ASSAY_SSO_URL:-}" ]; then
        # Caddy wants an account; nobody's password has this hash.
        [ -s "$GATEWAY_WORK/accounts" ] || echo 'nobody $2b$10$0000000000000000000000000000000000000000000000000000O' >"$GATEWAY_WORK/accounts"
        [ -s "$GATEWAY_WORK/roles" ] || echo 'nobody ""' >"$GATEWAY_WORK/roles"
        echo "$here/Caddyfile"
    else
        echo "$here/nobody.caddyfile"
    fi
}
umask 077
config=$(prepare)
logins=""
[ "$config" = "$here/nobody.caddyfile" ] || logins=yes
reason=$(why_unsafe "$address" "$ASSAY_TLS" "$logins")
[ -z "$reason" ] || refuse "$reason"
[ -n "$logins" ] || echo "Nobody can log in yet. Make the first user: docker compose run --rm logins add admin admin" >&2

caddy run --config "$config" --adapter caddyfile &
caddy=$!
trap 'kill "$caddy" 2>/dev/null' TERM INT
seen=$(cksum <"$users" 2>/dev/null || true)
while kill -0 "$caddy" 2>/dev/null; do
    sleep 2 &
    wait $! || true
    now=$(cksum <"$users" 2>/dev/null || true)
    [ "$now" != "$seen" ] || continue
    seen=$now
    config=$(prepare)
    if caddy reload --config "$config" --adapter caddyfile --address "unix/$GATEWAY_WORK/admin.sock" 2>"$GATEWAY_WORK/reload.log"; then
        echo "The users have been read again." >&2
    else
        cat "$GATEWAY_WORK/reload.log" >&2
    fi
done
wait "$caddy"
