#!/usr/bin/env bash
# `docker compose` for this Assay: the right binary, the right project, the right env file.
# Where the engine lacks the Compose plugin (v2), a copy of it goes into .tools, taken out of
# a container of the base image; nothing is installed on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh
file=${ASSAY_ENV_FILE:-.env}
local_binary=.tools/docker-compose

[[ -e $file ]] || fail "there is no $file." "make up writes one; by hand: cp .env.example $file"

fetch() {
    local image package=/usr/libexec/docker/cli-plugins/docker-compose
    image=$(deploy/env_file.sh get PYTHON_IMAGE)
    say "Getting Docker Compose into .tools (this engine has no Compose plugin v2)"
    mkdir -p .tools
    docker run --rm --user 0 "$image" bash -c "
        cd /tmp && apt-get update -qq && apt-get download -qq docker-compose &&
        dpkg-deb --fsys-tarfile docker-compose_*.deb | tar --extract --to-stdout .$package" \
        >"$local_binary.new" 2>.tools/compose.log ||
        fail "Docker Compose could not be taken out of $image:" "$(tail -n 3 .tools/compose.log)" \
            "Install the plugin (Debian 13: apt-get install docker-compose) and try again."
    chmod +x "$local_binary.new"
    mv "$local_binary.new" "$local_binary"
}

if [[ $(docker compose version --short 2>/dev/null) =~ ^v?[2-9]\. ]]; then
    compose=(docker compose)
else
    [[ -x $local_binary ]] || fetch
    compose=("$local_binary")
fi
# A statement of how an image was built holds the time, and so gives the same code another id, and
# with it another tag, at each build. BuildKit adds none then.
export BUILDX_NO_DEFAULT_ATTESTATIONS=1
# The engine wants absolute paths; the environment counts for more than the file.
for name in ASSAY_LANDING_DIR ASSAY_CONTRACTS_DIR ASSAY_ALERTS_DIR ASSAY_TLS_DIR; do
    value=$(deploy/env_file.sh get "$name")
    [[ -z $value ]] || export "$name=$(realpath --canonicalize-missing "$value")"
done
# Links in alerts must lead somewhere: "every address" is none that a browser can open.
if [[ -z $(deploy/env_file.sh get ASSAY_UI_URL) && $(deploy/env_file.sh get ASSAY_UI_ADDRESS) == 0.0.0.0 ]]; then
    scheme=http
    [[ -z $(deploy/env_file.sh get ASSAY_TLS) ]] || scheme=https
    export ASSAY_UI_URL=${ASSAY_UI_URL:-$scheme://$(hostname):$(deploy/env_file.sh get ASSAY_UI_PORT)}
fi
# The egress proxy is for those who let a job out.
if [[ -n $(deploy/env_file.sh get ASSAY_OUTSIDE_JOBS) ]]; then export COMPOSE_PROFILES=outside; fi
exec "${compose[@]}" --env-file "$file" "$@"
