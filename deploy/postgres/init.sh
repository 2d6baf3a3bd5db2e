#!/usr/bin/env bash
# Run by the image's entry point, once, on an empty data folder; and by `make up` each time, which
# brings roles and passwords to what .env says.
set -euo pipefail

psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
    --set dagster_password="$ASSAY_DAGSTER_PASSWORD" \
    --set migrator_password="$ASSAY_MIGRATOR_PASSWORD" \
    --set user_code_password="$ASSAY_USER_CODE_PASSWORD" \
    --set alerter_password="$ASSAY_ALERTER_PASSWORD" \
    --set analyst_password="$ASSAY_ANALYST_PASSWORD" \
    --file /assay/roles.sql

# The superuser comes in by the local socket only, which nobody outside this container has.
cat >"$PGDATA/pg_hba.conf" <<'RULES'
local all postgres              trust
local all all                   scram-sha-256
host  all postgres all          reject
host  all all      all          scram-sha-256
RULES
psql --quiet --no-psqlrc --username postgres --dbname postgres --command 'SELECT pg_reload_conf()' >/dev/null
