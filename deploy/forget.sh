#!/usr/bin/env bash
# Removes a call set for good: forget.sh CALL_SET. From the landing zone here, as you, whose files
# they are; then from wherever an Assay of this env file has made something of it. Cut short, it is
# run again: what is gone is no error.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

call_set=${1:-}
[[ $call_set =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$ ]] ||
    fail "which call set?" "make forget CALL_SET=cohort, for what came as cohort.vcf.gz or in the folder cohort/"
[[ -e ${ASSAY_ENV_FILE:-.env} ]] || fail "there is no ${ASSAY_ENV_FILE:-.env}." "Start Assay first: make up"
home=.embedded/$(deploy/env_file.sh get ASSAY_PROJECT)
team=$(deploy/env_file.sh get ASSAY_USER_CODE_IMAGE)
[[ -n $team || -d $home ]] || fail "no Assay was started with this env file." "Start Assay first: make up"
if [[ -n $team ]]; then
    deploy/engine.sh
    deploy/compose.sh ps --status running --services | grep -qx postgres ||
        fail "Assay is down, and its database with it; nothing was removed." "Start it: make up"
fi

# First where it would come back from.
folder=$(deploy/landing.sh folder)/genomics
for name in "$call_set" "$call_set".{vcf,vcf.gz,vcf.bgz,bcf,parquet}{,.tbi,.csi}; do
    for path in "$folder/$name" "$folder/.$name.part"; do
        [[ -e $path || -L $path ]] || continue
        rm -rf -- "$path" || fail "$path could not be removed." "Remove it as its owner, then again: make forget CALL_SET=$call_set"
        echo "removed $path"
    done
done

if [[ -n $team ]]; then
    # As the code server, which has the passwords and the logs, and with what else only runs have.
    # Volumes by their full names: Compose doesn't put the project's before them here.
    project=$(deploy/env_file.sh get ASSAY_PROJECT)
    deploy/compose.sh run --rm --no-deps -T --volume "${project}_data:/assay/data" \
        --volume "${project}_quarantine:/assay/quarantine" --volume "${project}_reports:/assay/reports" \
        user_code python -W ignore -m user_code.genomics.forget "$call_set" </dev/null
fi
if [[ -d $home ]]; then
    .venv/bin/python -W ignore deploy/embedded.py --module user_code.genomics.forget "$call_set"
fi
note "backups made until now still have it"
