#!/usr/bin/env bash
# Says what is wrong if no Docker engine can be used, and ends non-zero.
# `engine.sh absent` is quieter: it succeeds where there is no engine at all on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

if [[ ${1:-} == absent ]]; then
    command -v docker >/dev/null || exit 0
    said=$(docker version --format '{{.Server.Version}}' 2>&1 >/dev/null) && exit 1
    # Forbidden is not absent: whoever lacks the permission wants to hear of it.
    [[ $said != *"permission denied"* ]]
    exit
fi

command -v docker >/dev/null || fail "no docker command found." \
    "Install Docker Engine with your system's packages, or run without it: make dev"
if ! said=$(docker version --format '{{.Server.Version}}' 2>&1 >/dev/null); then
    case $said in
        *"permission denied"*)
            fail "you may not talk to the Docker engine." \
                "Join its group and log in again: sudo usermod -aG docker $(id -un)" \
                "(whoever is in that group is root on this machine), or run make with sudo." ;;
        *)
            fail "the Docker engine doesn't answer: ${said##*$'\n'}" \
                "Start it: sudo systemctl start docker" \
                "Without an engine there is the embedded edition: make dev" ;;
    esac
fi

# docker_gate mounts the engine's socket from where the system's engine has it. An engine in a virtual
# machine (Docker Desktop, everything on a Mac) shows another one here, and has the usual one inside.
usual='^unix://((/var)?/run|.*/\.docker/.*)/docker\.sock$'
socket=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)
if [[ $(docker info --format '{{.SecurityOptions}}' 2>/dev/null) == *rootless* ]] ||
    [[ $(uname) == Linux && $socket == unix://* && ! $socket =~ $usual ]]; then
    fail "this engine (${socket:-rootless}) is not the system's, at /var/run/docker.sock, which Assay needs: runs" \
        "are started by a service that mounts this socket, and files are read as uid 10001." \
        "Use the system's engine: unset DOCKER_HOST; docker context use default" \
        "Without one there is the embedded edition: make dev"
fi
