#!/usr/bin/env bash
# The .env file (or what ASSAY_ENV_FILE names): made once. No secret is in it.
#   env_file.sh make            make it from .env.example unless it is there; check it
#   env_file.sh set NAME VALUE  change one line, keep the rest
#   env_file.sh get NAME        print one value
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh
file=${ASSAY_ENV_FILE:-.env}

names() { sed -n 's/^\([A-Z][A-Z0-9_]*\)=.*/\1/p' "$1"; }

get() { sed -n "s/^$1=//p" "$file" | tail -n 1; }

set_value() {
    local name=$1 value=$2 new
    [[ -e $file ]] || make
    if [[ $(get "$name") == "$value" ]] && grep -q "^$name=" "$file"; then return; fi
    new=$(mktemp "$file.XXXXXX")
    # Written beside and renamed: an interrupted write leaves the old file whole.
    NAME=$name VALUE=$value awk '
        index($0, ENVIRON["NAME"] "=") == 1 { print ENVIRON["NAME"] "=" ENVIRON["VALUE"]; done = 1; next }
        { print }
        END { if (!done) print ENVIRON["NAME"] "=" ENVIRON["VALUE"] }' "$file" >"$new"
    chmod --reference "$file" "$new"
    mv "$new" "$file"
}

make() {
    if [[ ! -e $file ]]; then
        say "Writing $file"
        local new line cpus
        # The engine refuses runs that may take more CPUs than it has.
        cpus=$(docker info --format '{{.NCPU}}' 2>/dev/null || true)
        new=$(umask 077 && mktemp "$file.XXXXXX")
        while IFS= read -r line || [[ -n $line ]]; do
            if [[ $cpus == 1 && $line == ASSAY_RUN_CPUS=* ]]; then
                echo ASSAY_RUN_CPUS=1
            else
                printf '%s\n' "$line"
            fi
        done <.env.example >"$new"
        mv "$new" "$file"
    fi
    local missing
    missing=$(comm -23 <(names .env.example | sort) <(names "$file" | sort) | tr '\n' ' ')
    [[ -z $missing ]] || fail "$file lacks: $missing" \
        "Copy these lines from .env.example, which says what each is for."
}

case ${1:-make} in
    make) make ;;
    set) set_value "$2" "$3" ;;
    get) get "$2" ;;
    *) fail "unknown word: $1" "One of: make, set NAME VALUE, get NAME" ;;
esac
