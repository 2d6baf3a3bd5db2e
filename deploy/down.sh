#!/usr/bin/env bash
# Stops the stack. Data, runs, events and the landing zone stay; `make up` continues there.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

deploy/engine.sh
project=$(deploy/env_file.sh get ASSAY_PROJECT)
# First whoever starts runs, then the runs, which note their end in Postgres, then the rest.
say "Stopping"
deploy/compose.sh stop daemon
runs=$(docker ps --quiet --filter "label=assay.project=$project" --filter label=assay.kind=run)
if [[ -n $runs ]]; then
    note "$(wc -w <<<"$runs") runs are in flight: they are stopped, and retried after the next start"
    # shellcheck disable=SC2086  # one word each
    docker stop --time 20 $runs >/dev/null
fi
COMPOSE_PROFILES=outside deploy/compose.sh down --remove-orphans
