#!/usr/bin/env bash
# Removes the tags of user code that nobody needs: not deployed, and named by no unfinished run.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

project=$(deploy/env_file.sh get ASSAY_PROJECT)
deployed=$(deploy/env_file.sh get ASSAY_USER_CODE_IMAGE)

# A run's record names its image; a queued run has no container yet that would hold it.
needed() {
    deploy/compose.sh exec -T postgres psql --quiet --no-psqlrc --tuples-only --no-align \
        --username postgres --dbname dagster --set ON_ERROR_STOP=1 --set image="$1" <<'SQL'
SELECT count(*) FROM runs
WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')
  AND strpos(run_body, '"' || :'image' || '"') > 0
SQL
}

for tag in $(docker image ls --format '{{.Repository}}:{{.Tag}}' "$project/user_code"); do
    [[ $tag != "$deployed" && $tag != *:built ]] || continue
    count=$(needed "$tag" </dev/null) || fail "Postgres could not be asked which images are in use."
    if [[ $count -gt 0 ]]; then
        note "keeping $tag: $count unfinished runs need it"
    elif docker image rm "$tag" >/dev/null 2>&1; then
        note "removed $tag"
    else
        note "keeping $tag for now: finished runs' containers still hold it"
    fi
done
# Earlier builds that lost the moving tag to a later one.
docker image prune --force --filter "label=com.docker.compose.project=$project" >/dev/null
