#!/usr/bin/env bash
# What is in the financial quarantine, in counts: by source, day and reason. No raw lines.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

[[ -e ${ASSAY_ENV_FILE:-.env} ]] || fail "there is no ${ASSAY_ENV_FILE:-.env}." "Start Assay first: make up"
volume=$(deploy/env_file.sh get ASSAY_PROJECT)_quarantine
docker volume inspect "$volume" >/dev/null ||
    fail "there is no volume $volume." "Start Assay first: make up"
# In the user code's image and as its user, who alone may read the files.
exec docker run --rm --network none --cap-drop ALL --read-only \
    --volume "$volume:/assay/quarantine:ro" "$(deploy/env_file.sh get ASSAY_USER_CODE_IMAGE)" \
    python -m user_code.finance.domain.quarantine_counts
