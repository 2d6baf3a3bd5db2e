#!/usr/bin/env bash
# Builds one of our images: images.sh dagster | user_code | egress
# The user code's image gets a tag made of its id, which never moves, and .env names that tag:
# a queued run runs the code that it was queued with.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

project=$(deploy/env_file.sh get ASSAY_PROJECT)
log=.tools/build-$1.log
mkdir -p .tools

# pip's settings on this machine hold in the build, too: the environment's, or its file's.
settings=$("${PYTHON:-python3}" -m pip config list 2>/dev/null || true)
for name in index-url extra-index-url trusted-host; do
    variable=PIP_${name^^} && variable=${variable//-/_}
    value=${!variable:-$(sed -n "s/^\(global\|install\)\.$name='\(.*\)'$/\2/p" <<<"$settings" | tail -n 1)}
    [[ -z $value ]] || export "$variable=$value"
done

build() {
    # Under the moving tag, whatever .env names: an immutable tag must stay what it is.
    ASSAY_USER_CODE_IMAGE=$project/user_code:built \
        deploy/compose.sh --progress plain build "$1" >"$log" 2>&1 && return
    if grep -q 'Validation failed for' "$log"; then
        # What Dagster says of the definitions, once: the build's own end repeats a part of it.
        sed -En '/Validation failed for/,$ { s/^#[0-9]+ ([0-9.]+ )?//; s/\x1b\[[0-9;]*m//g; p
            /Validation for [0-9]+ code locations? failed/q }' "$log" >&2
    else
        tail -n 30 "$log" >&2
    fi
    if grep -qi 'no space left on device' "$log"; then
        fail "the disk is full." "See what takes it: docker system df; unused images go with: docker image prune"
    fi
    fail "the image of $1 could not be built; what runs stays as it is." "The whole log: $log"
}

case $1 in
    dagster)
        say "Building $project/dagster (minutes the first time, seconds when nothing changed)"
        build migrate
        ;;
    egress)
        say "Building $project/egress"
        build egress
        ;;
    user_code)
        say "Building $project/user_code and validating its definitions"
        build user_code
        id=$(docker image inspect --format '{{.Id}}' "$project/user_code:built")
        tag=$project/user_code:${id:7:12}
        docker tag "$project/user_code:built" "$tag"
        # Whoever replaces the code server writes it down when the rest is ready: see redeploy.sh.
        if [[ ${2:-} == --only-tag ]]; then echo "$tag"; else deploy/env_file.sh set ASSAY_USER_CODE_IMAGE "$tag"; fi
        ;;
    *) fail "no such image: $1" "One of: dagster, user_code, egress" ;;
esac
