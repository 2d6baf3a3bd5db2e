#!/usr/bin/env bash
# Who may log in: logins.sh add NAME ROLE | password NAME | remove NAME | list | first
# It works whether Assay is up or not; a running gateway notices within seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

deploy/engine.sh
case $* in
    "add  "* | "add "*" ") fail "who, and as what?" "make user NAME=anna ROLE=viewer (or ROLE=admin)" ;;
    "password " | "remove ") fail "whose?" "make users lists them; then NAME=anna behind the target" ;;
esac
exec deploy/compose.sh run --rm --no-deps -T logins "$@"
