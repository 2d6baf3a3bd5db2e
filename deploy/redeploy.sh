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
# What was replaced earlier. What is replaced now must stay a while: the daemon queues runs with it
# until it hears of the new code.
deploy/old_images.sh "$new"
if [[ $new == "$old" ]]; then
    note "the code is what is deployed already: $old"
else
    say "Migrating the warehouse, then starting the new code server beside the old one"
    # Migrations only add: the old code goes on meanwhile. Then both servers answer to the name for a
    # moment: nobody finds the door closed, no tick and no launch fails.
    before=$(deploy/compose.sh ps --all --quiet user_code | sort)
    deploy/compose.sh rm --force migrate_warehouse >/dev/null 2>&1 || true
    # With its dependencies, though they are up: without, Compose would take the new container for
    # one of another configuration, and the next `make up` would replace it.
    if ! ASSAY_USER_CODE_IMAGE=$new deploy/compose.sh up --detach --no-recreate --wait \
        --scale "user_code=$(($(wc -w <<<"$before") + 1))" user_code; then
        deploy/compose.sh logs --no-log-prefix --tail 20 migrate_warehouse >&2
        deploy/compose.sh ps --all --quiet user_code | sort | comm -13 <(echo "$before") - |
            while read -r container; do
                docker logs --tail 20 "$container" >&2
                docker rm --force "$container" >/dev/null
            done
        fail "the migration failed, or the new code server did not become healthy; ${old:-the old code} stays deployed." \
            "The last lines of both are above. Mend it and run make redeploy again."
    fi
    deploy/env_file.sh set ASSAY_USER_CODE_IMAGE "$new"
    say "Stopping the old one"
    # shellcheck disable=SC2086  # one word each
    [[ -z $before ]] || { docker stop --time 20 $before && docker rm $before; } >/dev/null
    # While both answered, the webserver may have noticed the new one and then loaded from the old:
    # it would not look again.
    deploy/compose.sh exec -T webserver python - <<'PYTHON' || note "the UI could not be told: click Reload on its page Deployment"
import json, sys, urllib.request
query = '''mutation { reloadRepositoryLocation(repositoryLocationName: "user_code") {
  __typename ... on PythonError { message } ... on ReloadNotSupported { message } } }'''
request = urllib.request.Request(
    "http://127.0.0.1:3000/graphql",
    json.dumps({"query": query}).encode(),
    {"Content-Type": "application/json"},
)
answer = json.load(urllib.request.urlopen(request, timeout=60))
loaded = (answer.get("data") or {}).get("reloadRepositoryLocation", {})
sys.exit(0 if loaded.get("__typename") == "WorkspaceLocationEntry" else json.dumps(answer)[:500])
PYTHON
    # The viewers' server does nothing on demand: it looks anew when it starts.
    deploy/compose.sh restart --timeout 10 viewer >/dev/null
fi
say "Deployed: $new"
