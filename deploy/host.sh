#!/usr/bin/env bash
# Says before anything starts if this machine lacks what Assay needs: port, disk, memory, CPUs.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh
file=${ASSAY_ENV_FILE:-.env}
get() { deploy/env_file.sh get "$1"; }

project=$(get ASSAY_PROJECT)
[[ $project =~ ^[a-z0-9][a-z0-9_-]*$ ]] || fail "ASSAY_PROJECT=$project in $file is no name for containers." \
    "Lower-case letters, digits, - and _ will do, a letter or digit first."

# --- the port ---
port=$(get ASSAY_UI_PORT)
address=$(get ASSAY_UI_ADDRESS)
probe=$address
[[ $probe != 0.0.0.0 ]] || probe=127.0.0.1
# Whichever of ours it is: an older Assay's webserver published it itself. A new port in the file may
# be held by another program all the same.
ours=$(docker ps --quiet --filter "label=com.docker.compose.project=$project" --filter "publish=$port")
if [[ -z $ours ]] && timeout 2 bash -c "exec 3<>/dev/tcp/$probe/$port" 2>/dev/null; then
    fail "port $port on $probe is taken by another program." \
        "Stop it (ss -ltnp shows which), or choose another ASSAY_UI_PORT in $file."
fi

# --- who can get in ---
source deploy/gateway/safe.sh
# A checkout may be its owner's alone; the gateway, which reads these, is somebody else (uid 10001).
chmod -R a+rX deploy/gateway
# Logins are made later: `make up` makes the first.
reason=$(why_unsafe "$address" "$(get ASSAY_TLS)" yes)
[[ -z $reason ]] || fail "${reason%%$'\n'*}" "${reason#*$'\n'}"

# --- the disk ---
images=$(docker image ls --quiet "$project/user_code" | wc -l)
needed_gb=5
[[ $images -eq 0 ]] || needed_gb=2
root=$(docker info --format '{{.DockerRootDir}}')
if free_kb=$(df --output=avail -k "$root" 2>/dev/null | tail -n 1) && [[ $free_kb -lt $((needed_gb * 1024 * 1024)) ]]; then
    fail "the disk is nearly full: $((free_kb / 1024)) MB free below $root, $needed_gb GB needed." \
        "See what takes it: docker system df; unused images go with: docker image prune"
fi

# --- the memory ---
mb() {
    local number=${1%%[!0-9]*} unit=${1##*[0-9]}
    case ${unit,,} in
        g | gb) echo $((number * 1024)) ;;
        m | mb) echo "$number" ;;
        k | kb) echo $((number / 1024)) ;;
        *) echo $((number / 1024 / 1024)) ;;
    esac
}
run=$(get ASSAY_RUN_MEMORY)
[[ $run =~ ^[1-9][0-9]*[kmgKMG]?[bB]?$ ]] || fail "ASSAY_RUN_MEMORY=$run in $file is no size." "Write e.g. 512m or 2g."
services_mb=1024
total_mb=$(($(docker info --format '{{.MemTotal}}') / 1024 / 1024))
if [[ $total_mb -lt $((services_mb + $(mb "$run"))) ]]; then
    fail "too little memory: $total_mb MB here; the services take $services_mb MB, each run up to $run." \
        "Set a smaller ASSAY_RUN_MEMORY in $file (512m is enough for the samples), or use a larger machine."
fi
if [[ $total_mb -lt $((services_mb + 4 * $(mb "$run"))) ]]; then
    note "warning: four runs at once may take 4 × $run, more than this machine has"
fi

# --- the CPUs ---
cpus=$(get ASSAY_RUN_CPUS)
[[ $cpus =~ ^[0-9]+(\.[0-9]+)?$ && $cpus =~ [1-9] ]] || fail "ASSAY_RUN_CPUS=$cpus in $file is no number of CPUs." "Write e.g. 1 or 1.5."
there=$(docker info --format '{{.NCPU}}')
if awk -v asked="$cpus" -v there="$there" 'BEGIN { exit !(asked > there) }'; then
    fail "ASSAY_RUN_CPUS=$cpus in $file, but the engine has $there CPUs: it would refuse every run." \
        "Set it to $there or less."
fi
