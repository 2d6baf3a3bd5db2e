#!/usr/bin/env bash
# Makes sure of the base images that .env names: there already, pulled, or else built here.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

for name in PYTHON_IMAGE POSTGRES_IMAGE CADDY_IMAGE; do
    image=$(deploy/env_file.sh get "$name")
    docker image inspect "$image" >/dev/null 2>&1 && continue
    # Names of our own exist on this machine alone: what a registry has under them isn't ours.
    if [[ $image != assay/* ]]; then
        say "Pulling $image"
        timeout 900 docker pull --quiet "$image" >&2 && continue
        # Whoever pinned an image by its digest wants that one or none.
        [[ $image != *@sha256:* ]] || fail "$name=$image can't be pulled, and no other is used in its place." \
            "Correct the line in .env; or build stand-ins from Debian packages: make base-images"
        note "it can't be pulled; building stand-ins from Debian packages instead"
    fi
    exec deploy/base_images/build.sh
done
