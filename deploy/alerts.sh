#!/usr/bin/env bash
# The list of alerts and what can be done with it: alerts.sh list | ack KEY | close KEY | test.
# In the alerter's container, or beside the embedded edition: if that runs, or without an engine.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh
file=${ASSAY_ENV_FILE:-.env}
[[ -e $file ]] || fail "there is no Assay here yet ($file is missing)." "make up starts one."

lock=.embedded/$(deploy/env_file.sh get ASSAY_PROJECT)/lock
# Whoever runs the embedded edition holds this lock.
if [[ -e $lock ]] && ! flock --nonblock "$lock" true; then
    exec .venv/bin/python deploy/embedded.py --module control_plane.alerts "$@"
fi
if docker info >/dev/null 2>&1; then
    exec deploy/compose.sh exec -T alerter python -m control_plane.alerts "$@"
fi
exec .venv/bin/python deploy/embedded.py --module control_plane.alerts "$@"
