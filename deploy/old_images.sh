#!/usr/bin/env bash
# Removes the tags of user code that nobody needs: not deployed, and named by no unfinished run.
#   old_images.sh [TAG]     TAG is about to be deployed: kept, too
#   old_images.sh --plan    says what would go
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

project=$(deploy/env_file.sh get ASSAY_PROJECT)
deployed=$(deploy/env_file.sh get ASSAY_USER_CODE_IMAGE)
coming=${1:-}
plan=""
if [[ $coming == --plan ]]; then coming="" plan=yes; fi

# The daemon goes on with the code server it knows for a minute or two after it was replaced, and
# queues runs with the old tag, which then must be there. So nothing goes while the server is new.
settled_seconds=300
newest=$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project" \
    --filter label=com.docker.compose.service=user_code |
    xargs --no-run-if-empty docker inspect --format '{{.Created}}' | sort | tail -n 1)
settled=yes
if [[ -n $newest && $(($(date +%s) - $(date --date "$newest" +%s))) -lt $settled_seconds ]]; then settled=""; fi

# A run's record names its image; a queued run has no container yet that would hold it. The janitor
# asks, with a role that runs have, too: what they may have made of Dagster's tables must not be
# executed by a superuser.
needed() { deploy/compose.sh exec -T janitor python -m control_plane.image_needs "$1"; }

for tag in $(docker image ls --format '{{.Repository}}:{{.Tag}}' "$project/user_code"); do
    [[ $tag != "$deployed" && $tag != "$coming" && $tag != *:built ]] || continue
    if [[ -z $settled ]]; then
        note "keeping $tag for now: the daemon may still queue runs with it"
        continue
    fi
    count=$(needed "$tag" </dev/null) || fail "The janitor could not be asked which images are in use." "make up starts it anew."
    if [[ $count -gt 0 ]]; then
        note "keeping $tag: $count unfinished runs need it"
    elif [[ -n $plan ]]; then
        note "would remove $tag"
    elif docker image rm "$tag" >/dev/null 2>&1; then
        note "removed $tag"
    else
        note "keeping $tag for now: finished runs' containers still hold it"
    fi
done
# Earlier builds that lost the moving tag to a later one.
[[ -z $plan ]] || exit 0
docker image prune --force --filter "label=com.docker.compose.project=$project" >/dev/null
