#!/usr/bin/env bash
# One screen for whoever keeps this Assay running, whatever of it is down: services, then what the
# platform says of itself (control_plane/status.py), then what to do. Exit status 0: all is well.
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
    home=.embedded/$project
    # Whoever runs it holds this lock.
    if [[ ! -e $home/lock ]] || flock --nonblock "$home/lock" true; then
        echo "! it is not running → make dev, and leave that open"
        exit 1
    fi
    .venv/bin/python deploy/embedded.py --module control_plane.status && exit
    echo "  its logs: $home/*.log"
    exit 1
fi

todo=()
echo "services   of $project:"
for service in $(deploy/compose.sh config --services 2>/dev/null | sort); do
    id=$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project" \
        --filter "label=com.docker.compose.service=$service" \
        --filter label=com.docker.compose.oneoff=False | head -n 1)
    state=missing
    [[ -z $id ]] || state=$(docker inspect --format \
        '{{.State.Status}}{{if eq .State.Status "running"}}{{with .State.Health}}, {{.Status}}{{end}}{{else if eq .State.Status "exited"}} with {{.State.ExitCode}}{{if .State.Health}}, though it should run{{end}}{{end}}, image {{.Config.Image}}' "$id")
    printf '           %-18s %s\n' "$service" "$state"
    case $state in
        # What runs once at each start has no healthcheck, and is well when it has ended with 0.
        running,\ healthy* | exited\ with\ 0,\ image*) ;;
        running,\ starting* | created*) todo+=("! $service is starting → look again in a minute; if it stays so: make logs SERVICE=$service") ;;
        running*) todo+=("! $service: ${state%, image*} → make logs SERVICE=$service says why; then deploy/compose.sh restart $service") ;;
        *) todo+=("! $service: ${state%, image*} → make up; why: make logs SERVICE=$service") ;;
    esac
done
folder=$(deploy/landing.sh folder)
[[ ! -d $folder ]] || echo "landing    $folder: $(df --human-readable --output=avail "$folder" | tail -n 1 | tr -d ' ') free"

said=$(deploy/compose.sh exec -T alerter python -m control_plane.status 2>/dev/null) || true
if [[ -z $said ]]; then
    todo+=("! the alerter, which knows the rest, does not answer → make up; why: make logs SERVICE=alerter")
fi
grep -vxF "All is well." <<<"$said" | grep . || true
((${#todo[@]} == 0)) || printf '%s\n' "${todo[@]}"
# Only what both found well is well.
[[ ${#todo[@]} == 0 && $said == *"All is well." ]] || exit 1
echo "All is well."
