#!/usr/bin/env bash
# Makes .venv: the locked packages of both images and of the tests, and the `assay` command.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

if [[ -x .venv/bin/python ]] && ! fits .venv/bin/python; then
    fail ".venv holds a Python that Assay doesn't run on (it needs 3.11, 3.12 or 3.13)." \
        "Remove it and try again: rm -r .venv"
fi

if [[ ! -x .venv/bin/pip ]]; then
    python=""
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
        if fits "$candidate"; then
            python=$candidate
            break
        fi
    done
    [[ -n $python ]] || fail "no Python 3.11, 3.12 or 3.13 found." \
        "Install one (Debian: apt-get install python3 python3-venv), or name it: PYTHON=… make venv"
    say "Making .venv with $("$python" --version)"
    "$python" -m venv .venv || fail "the virtual environment could not be made." \
        "Debian keeps that module apart: apt-get install python3-venv; then rm -rf .venv and try again."
fi

say "Installing the locked packages into .venv (a few minutes the first time)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --require-hashes -r requirements/dev.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --no-deps --no-build-isolation --editable .
touch .venv/.complete
