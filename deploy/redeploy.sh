#!/usr/bin/env bash
# New user code into a running Assay: build, validate, migrate, replace the code server alone,
# which is not away for a moment.
# Webserver, daemon and Postgres stay up; runs in flight and queued keep the image they have.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

deploy/engine.sh
deploy/env_file.sh make
if [[ -z $(deploy/compose.sh ps --quiet --status running webserver) ]]; then
    fail "Assay isn't running, so there is nothing to replace." "Start it, with the new code: make up"
fi

old=$(deploy/env_file.sh get ASSAY_USER_CODE_IMAGE)
new=$(deploy/images.sh user_code --only-tag)
if [[ $new == "$old" ]]; then
    note "the code is what is deployed already: $old"
else
    say "Migrating the warehouse (only additions: the old code goes on meanwhile)"
    ASSAY_USER_CODE_IMAGE=$new deploy/compose.sh run --rm --no-deps -T migrate_warehouse ||
        fail "the migration failed; $old stays deployed." "Mend it and run make redeploy again."
    say "Starting the new code server beside the old one"
    before=$(deploy/compose.sh ps --all --quiet user_code | sort)
    # Both answer to the name for a moment: nobody finds the door closed, no tick and no launch fails.
    if ! ASSAY_USER_CODE_IMAGE=$new deploy/compose.sh up --detach --no-deps --no-recreate --wait \
        --scale "user_code=$(($(wc -w <<<"$before") + 1))" user_code; then
        deploy/compose.sh ps --all --quiet user_code | sort | comm -13 <(echo "$before") - |
            while read -r container; do
                docker logs --tail 20 "$container" >&2
                docker rm --force "$container" >/dev/null
            done
        fail "the new code server did not become healthy; $old stays deployed." \
            "Its last lines are above. Mend it and run make redeploy again."
    fi
    deploy/env_file.sh set ASSAY_USER_CODE_IMAGE "$new"
    say "Stopping the old one"
    # shellcheck disable=SC2086  # one word each
    [[ -z $before ]] || { docker stop --time 20 $before && docker rm $before; } >/dev/null
fi
deploy/old_images.sh
say "Deployed: $new"
