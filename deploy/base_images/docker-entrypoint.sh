#!/usr/bin/env bash
# The official PostgreSQL image's entry point, as far as its documentation promises:
# POSTGRES_PASSWORD, _USER, _DB, _INITDB_ARGS, _HOST_AUTH_METHOD (each secret also as …_FILE),
# PGDATA, and *.sh, *.sql, *.sql.gz in /docker-entrypoint-initdb.d, once, on an empty PGDATA.
set -euo pipefail

# `docker run IMAGE -c name=value` means options of the server.
[[ ${1:0:1} != - ]] || set -- postgres "$@"
[[ $1 == postgres ]] || exec "$@"

if [[ $(id -u) -eq 0 ]]; then
    mkdir -p "$PGDATA"
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH_SOURCE" "$@"
fi

secret() {
    local file="${1}_FILE"
    if [[ -n ${!file:-} ]]; then
        export "$1"="$(<"${!file}")"
        unset "$file"
    fi
}
for name in POSTGRES_PASSWORD POSTGRES_USER POSTGRES_DB POSTGRES_INITDB_ARGS; do secret "$name"; done
export POSTGRES_USER=${POSTGRES_USER:-postgres}
export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}

run_initialisation_files() {
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh) if [[ -x $file ]]; then "$file"; else . "$file"; fi ;;
            *.sql) psql_as_owner --file "$file" ;;
            *.sql.gz) gunzip --stdout "$file" | psql_as_owner ;;
            *) continue ;;
        esac
        echo "ran $file"
    done
}
psql_as_owner() {
    psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}

if [[ ! -s $PGDATA/PG_VERSION ]]; then
    if [[ -z ${POSTGRES_PASSWORD:-} && $method != trust ]]; then
        echo "error: the database is not initialised and POSTGRES_PASSWORD is not set" >&2
        exit 1
    fi
    # shellcheck disable=SC2086  # several arguments in one variable, as the interface says
    eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "${POSTGRES_PASSWORD:-}") '"${POSTGRES_INITDB_ARGS:-}"
    printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
    # Without TCP: nobody takes the half-made server for the real one.
    pg_ctl --pgdata "$PGDATA" --wait -o "-c listen_addresses=''" start
    if [[ $POSTGRES_DB != postgres ]]; then
        psql --no-psqlrc --set ON_ERROR_STOP=1 --set db="$POSTGRES_DB" --username "$POSTGRES_USER" \
            --dbname postgres <<<'create database :"db"'
    fi
    run_initialisation_files
    pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
    unset POSTGRES_PASSWORD
    echo "PostgreSQL is initialised and ready to start"
fi
exec "$@"
