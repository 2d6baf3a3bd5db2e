#!/usr/bin/env bash
# One screen for whoever keeps this Assay running, whatever of it is down: services, then what the
# platform says of itself (control_plane/status.py), then what to do.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh
file=${ASSAY_ENV_FILE:-.env}
[[ -e $file ]] || fail "there is no Assay here yet ($file is missing)." "make up starts one."
project=$(deploy/env_file.sh get ASSAY_PROJECT)

# Without an engine: the embedded edition, if it runs.
if ! docker info >/dev/null 2>&1; then
    if [[ -n $(deploy/env_file.sh get ASSAY_USER_CODE_IMAGE) ]]; then
        echo "engine     the Docker engine does not answer: nothing runs"
        echo "! start it (sudo systemctl start docker), then: make up"
        exit 1
    fi
    echo "edition    embedded (no Docker engine answers)"
    exec .venv/bin/python deploy/embedded.py --module control_plane.status
fi

ill=0
echo "services   of $project:"
for service in $(deploy/compose.sh config --services 2>/dev/null | sort); do
    id=$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project" \
        --filter "label=com.docker.compose.service=$service" \
        --filter label=com.docker.compose.oneoff=False | head -n 1)
    state=missing
    [[ -z $id ]] || state=$(docker inspect --format \
        '{{.State.Status}}{{if .State.Health}}, {{.State.Health.Status}}{{else if eq .State.Status "exited"}} with {{.State.ExitCode}}{{end}}, image {{.Config.Image}}' "$id")
    printf '           %-18s %s\n' "$service" "$state"
    # What runs once at each start has no healthcheck, and is well when it has ended with 0.
    [[ $state == running,\ healthy* || $state == exited\ with\ 0,* ]] || ill=1
done
folder=$(deploy/landing.sh folder)
[[ ! -d $folder ]] || echo "landing    $folder: $(df --human-readable --output=avail "$folder" | tail -n 1 | tr -d ' ') free"
[[ $ill == 0 ]] || echo "! a service is not running and healthy → make logs SERVICE=<name>, then make up"
if said=$(deploy/compose.sh exec -T alerter python -m control_plane.status 2>/dev/null) || [[ -n $said ]]; then
    echo "$said"
    [[ $said == *"All is well." && $ill == 0 ]]
    exit
fi
echo "! the alerter, which knows the rest, does not answer → make logs SERVICE=alerter, then make up"
exit 1
