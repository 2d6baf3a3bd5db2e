#!/usr/bin/env bash
# From an Assay for this machine to one for the team: another address, TLS, and the gateway anew.
#   share.sh [NAME]   NAME: by which others know this machine (default: its own name)
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

deploy/engine.sh
deploy/env_file.sh make
name=${1:-$(hostname)}
[[ $name =~ ^[A-Za-z0-9.-]+$ ]] || fail "'$name' is no name of a machine." "make share NAME=assay.example.org"
deploy/env_file.sh set ASSAY_UI_ADDRESS 0.0.0.0
deploy/env_file.sh set ASSAY_UI_URL "https://$name:$(deploy/env_file.sh get ASSAY_UI_PORT)"
# A way that was chosen before stays.
[[ -n $(deploy/env_file.sh get ASSAY_TLS) ]] || deploy/env_file.sh set ASSAY_TLS internal
deploy/up.sh
if [[ $(deploy/env_file.sh get ASSAY_TLS) == internal ]]; then
    root=.tools/$(deploy/env_file.sh get ASSAY_PROJECT)-root.crt
    certificate=$(deploy/compose.sh exec -T gateway cat /assay/gateway_state/caddy/pki/authorities/local/root.crt) ||
        fail "the gateway's authority has no certificate yet." "make logs SERVICE=gateway says why; then make share again."
    printf '%s\n' "$certificate" >"$root"
    say "Browsers warn until they trust this Assay's authority: give them $root"
fi
