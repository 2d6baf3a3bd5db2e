#!/usr/bin/env bash
# Resolves requirements/*.in into hash-locked *.txt that hold for Python 3.11 to 3.13.
# The images' locks are constrained by the tests' one: what is tested is what is shipped.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

uv=.tools/uv/bin/uv
if [[ ! -x $uv ]]; then
    say "Getting uv into .tools"
    "${PYTHON:-python3}" -m venv .tools/uv
    .tools/uv/bin/pip install --quiet uv
fi
uv=$PWD/$uv

cd requirements
lock() {
    say "requirements/$2"
    "$uv" pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras \
        --quiet --no-header "${@:3}" --output-file "$2" "$1"
}
lock dev.in dev.txt
lock dagster.in dagster.txt --constraints dev.txt
lock user_code.in user_code.txt --constraints dev.txt
