#!/usr/bin/env bash
# The only set-up: gets what is missing, builds, starts, waits until healthy, lands the samples.
# Run again, it changes nothing that is fine.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

file=${ASSAY_ENV_FILE:-.env}
# An Assay that has its images lives in containers: then an engine that is away is an error.
if deploy/engine.sh absent && ! grep -qs '^ASSAY_USER_CODE_IMAGE=.' "$file"; then
    say "No Docker engine answers here: starting the embedded edition (same assets, no containers)"
    ! command -v docker >/dev/null || note "for the team edition start the engine first: sudo systemctl start docker"
    exec make --no-print-directory dev
fi
deploy/engine.sh
deploy/env_file.sh make
deploy/host.sh
deploy/base_images.sh
deploy/landing.sh make
# Both at once: a build waits for downloads as often as for the processor. Compose itself comes
# first, so that they don't both fetch it.
deploy/compose.sh version >/dev/null
deploy/images.sh dagster &
other=$!
deploy/images.sh user_code || { wait "$other" || true; exit 1; }
wait "$other"
if [[ -n $(deploy/env_file.sh get ASSAY_OUTSIDE_JOBS) ]]; then
    deploy/images.sh egress
else
    # What an earlier .env may have started; a service out of its profile is no orphan to Compose.
    COMPOSE_PROFILES=outside deploy/compose.sh rm --stop --force egress >/dev/null 2>&1 || true
fi

say "Starting, and waiting until every service is healthy"
# An older Assay's networks of runs reach the host: Compose would keep them as they are.
project=$(deploy/env_file.sh get ASSAY_PROJECT)
reaches_host() {
    local options
    options=$(docker network inspect --format '{{json .Options}}' "$1" 2>/dev/null) || return 1
    [[ $options != *inhibit_ipv4* ]]
}
if reaches_host "${project}_runs" || reaches_host "${project}_outside_runs"; then
    deploy/down.sh
    docker network rm "${project}_control" >/dev/null 2>&1 || true
fi
# Secrets and roles first: an older Assay's, or ones that Postgres was not told of.
deploy/secrets.sh keep
deploy/compose.sh up --detach --wait --quiet-pull postgres
first=$(deploy/logins.sh first)
deploy/secrets.sh roles
if ! deploy/compose.sh up --detach --wait --quiet-pull --remove-orphans; then
    deploy/compose.sh ps --all >&2
    [[ -z $first ]] || note "the first login has been made, and is shown this once: $first"
    fail "Assay did not become healthy; what Compose said is above." \
        "A service's log says more: make logs SERVICE=<name>"
fi
deploy/landing.sh samples
deploy/old_images.sh

url=$(deploy/compose.sh exec -T gateway printenv ASSAY_UI_URL)
cat <<TEXT

Assay is up: $url
${first:+
  Login      ${first% *}
  Password   ${first#* }
             shown this once (another: make user-password NAME=${first% *}; for others: make user)
}
  Lineage    $url/asset-groups      what is computed from what
  Runs       $url/runs              the samples' runs begin within a minute
  Alerts     make alerts                             what needs a look
  Landing    $(deploy/landing.sh folder)
             drop files there, or: make load FILE=…
  Everything else: make help
TEXT
