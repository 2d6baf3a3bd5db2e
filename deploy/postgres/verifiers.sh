#!/usr/bin/env bash
# Run by the one-shot service `verifiers`, as the user that Postgres is, whatever its number: takes what
# the service `secrets` has handed over into a volume where it is that user's alone.
set -euo pipefail
from=${1:-/handed_over/verifiers.psql}
to=${2:-/var/run/postgresql}

umask 077
chmod 00700 "$to"
if [[ -e $from ]]; then
    # Whole or not at all, and only then taken away.
    cat "$from" >"$to/.verifiers.new"
    sync "$to/.verifiers.new"
    mv "$to/.verifiers.new" "$to/verifiers.psql"
    rm "$from"
fi
if [[ ! -s $to/verifiers.psql ]]; then
    echo "verifiers: none were handed over; docker compose up secrets makes them" >&2
    exit 1
fi
