#!/usr/bin/env bash
# Deletes what this Assay has on the engine: containers, volumes, networks, images.
# The landing zone's folder and the env file stay, and so do the base images.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

deploy/engine.sh
project=$(deploy/env_file.sh get ASSAY_PROJECT)
if [[ -z ${1:-} ]]; then
    [[ -t 0 ]] || fail "make reset deletes all results and asks first, but nobody can answer here." \
        "If you mean it: make reset YES=1"
    read -r -p "Delete all runs, results, alerts and images of '$project'? The landing zone stays. [yes/no] " answer
    [[ $answer == yes ]] || fail "nothing was deleted."
fi

say "Deleting what belongs to $project"
deploy/compose.sh stop daemon
# Run containers hold volumes and the network, and Compose doesn't know them.
docker ps --all --quiet --filter "label=assay.project=$project" --filter label=assay.kind=run |
    xargs --no-run-if-empty docker rm --force >/dev/null
COMPOSE_PROFILES=outside deploy/compose.sh down --volumes --remove-orphans
# Only runs mount these: the engine made them at the first one's start, not Compose.
docker volume rm --force "${project}_data" "${project}_quarantine" "${project}_reports" >/dev/null
docker image ls --format '{{.Repository}}:{{.Tag}}' |
    { grep -E "^$project/(dagster|user_code|egress):" || true; } |
    xargs --no-run-if-empty docker image rm >/dev/null
docker image prune --force --filter "label=com.docker.compose.project=$project" >/dev/null
deploy/env_file.sh set ASSAY_USER_CODE_IMAGE ""
