#!/usr/bin/env bash
# New user code into a running Assay: build, validate, migrate, replace the code server alone.
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
    say "Replacing the code server"
    deploy/env_file.sh set ASSAY_USER_CODE_IMAGE "$new"
    deploy/compose.sh up --detach --no-deps --wait user_code ||
        fail "the new code server did not become healthy." \
            "Its log: make logs SERVICE=user_code. Back to the old code: check it out, make redeploy"
fi
deploy/old_images.sh
say "Deployed: $new"
