#!/usr/bin/env bash
# Says what would be removed by itself, and removes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

deploy/engine.sh
say "Run containers (by the daemon, every minute)"
deploy/compose.sh exec -T daemon python -m control_plane.reaper
say "Temporary files, old runs, ticks and events (by the janitor, every hour)"
deploy/compose.sh exec -T janitor python -m control_plane.janitor plan
say "Images (by make up and make redeploy)"
deploy/old_images.sh --plan
