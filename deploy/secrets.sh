#!/usr/bin/env bash
# This Assay's secrets: files in volumes, which the service `secrets` makes.
#   secrets.sh keep           make what is missing; an older .env's passwords move into the vault
#   secrets.sh roles          bring Postgres to what the vault says
#   secrets.sh rotate NAME    a new password for a database role, or for: all
#   secrets.sh set alert_urls the value from standard input
#   secrets.sh show analyst   for people
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh
file=${ASSAY_ENV_FILE:-.env}

# In a container of its own, as the service: values go in by standard input alone.
secrets() { deploy/compose.sh --progress quiet run --rm -T --no-deps secrets python -m control_plane.secrets_command "$@"; }

is_up() { [[ -n $(deploy/compose.sh ps --quiet --status running "$1") ]]; }

keep() {
    secrets keep </dev/null >&2
    local old='^ASSAY_[A-Z_]*_PASSWORD='
    grep -q "$old" "$file" || return 0
    say "Moving the passwords in $file into the vault"
    grep "$old" "$file" | secrets carry-over >&2
    local new
    new=$(umask 077 && mktemp "$file.XXXXXX")
    grep -v "$old" "$file" >"$new"
    chmod --reference "$file" "$new"
    mv "$new" "$file"
}

roles() {
    # Into the volume that Postgres reads.
    deploy/compose.sh --progress quiet run --rm -T --no-deps verifiers </dev/null
    deploy/compose.sh exec -T --user postgres postgres bash /docker-entrypoint-initdb.d/10-assay.sh
}

rotate() {
    [[ -n $1 ]] || fail "which secret?" "make rotate SECRET=dagster, viewer, migrator, user_code, alerter, analyst or all"
    secrets rotate "$1" </dev/null
    # Who connects reads the new password; whoever is connected stays so. Nothing is restarted.
    if is_up postgres; then roles; else note "Postgres is not running: make up will tell it"; fi
    say "Rotated: $1"
}

set_value() {
    [[ -n $1 ]] || fail "which secret?" "make secret SECRET=alert_urls"
    [[ ! -t 0 ]] || note "the value of $1, then Enter and Ctrl-D:"
    secrets set "$1"
    case $1 in
        alert_urls) if is_up alerter; then deploy/compose.sh --progress quiet restart alerter; fi ;;
        *) if is_up postgres; then roles; fi ;;
    esac
    say "Set: $1"
}

case ${1:-} in
    keep) keep ;;
    roles) roles ;;
    rotate) rotate "${2:-}" ;;
    set) set_value "${2:-}" ;;
    show) secrets show "$2" </dev/null ;;
    *) fail "unknown word: ${1:-}" "One of: keep, roles, rotate NAME, set NAME, show NAME" ;;
esac
