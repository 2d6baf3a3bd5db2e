#!/usr/bin/env bash
# Brings roles and passwords to what the vault says. Run by the image's entry point, once, on an empty
# data folder; and by `make up` and `make rotate`. What it reads are verifiers: no password is here.
set -euo pipefail

cat /run/assay-secrets/verifiers.psql /assay/roles.sql |
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username postgres --dbname postgres
