#!/usr/bin/env bash
# The landing zone on this machine.
#   landing.sh folder               where it is
#   landing.sh make                 its folders
#   landing.sh samples              the samples, once: never again after the first time
#   landing.sh load FILE [SOURCE]   a file of a user's, whole at once
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/say.sh

[[ -e ${ASSAY_ENV_FILE:-.env} ]] || deploy/env_file.sh make
landing=$(deploy/env_file.sh get ASSAY_LANDING_DIR)
landing=$(realpath --canonicalize-missing "${landing:-landing}")
contracts=$(deploy/env_file.sh get ASSAY_CONTRACTS_DIR)
contracts=$(realpath --canonicalize-missing "${contracts:-contracts.d}")
alerts=$(deploy/env_file.sh get ASSAY_ALERTS_DIR)
alerts=$(realpath --canonicalize-missing "${alerts:-alerts.d}")

make_folders() {
    # Runs read them as uid 10001.
    (umask 022 && mkdir -p "$landing/genomics" "$landing/finance" "$contracts" "$alerts") ||
        fail "the folders $landing, $contracts and $alerts could not be made." \
            "Make them, or name others in ${ASSAY_ENV_FILE:-.env}: ASSAY_LANDING_DIR, ASSAY_CONTRACTS_DIR, ASSAY_ALERTS_DIR"
}

# A volume keeps the folder that it was made with: after a move it is made anew.
follow_move() {
    local project name wanted bound
    project=$(deploy/env_file.sh get ASSAY_PROJECT)
    for name in landing contracts alerts; do
        wanted=${!name}
        bound=$(docker volume inspect --format '{{.Options.device}}' "${project}_$name" 2>/dev/null) || continue
        [[ $bound != "$wanted" ]] || continue
        say "$name moves from $bound to $wanted"
        [[ -z $(docker ps --quiet --filter "volume=${project}_$name" --filter label=assay.kind=run) ]] ||
            fail "runs are in flight that read $bound." "Wait for their end, then: make up"
        docker ps --all --quiet --filter "volume=${project}_$name" |
            xargs --no-run-if-empty docker rm --force >/dev/null
        docker volume rm "${project}_$name" >/dev/null
    done
}

samples() {
    [[ ! -e $landing/.samples.json ]] || ! grep -q '"done": true' "$landing/.samples.json" || return 0
    say "Putting the samples into the landing zone"
    # In the user code's image, which has what they need; as you, so that the files are yours.
    docker run --rm --network none --user "$(id -u):$(id -g)" \
        --volume "$landing:/samples" "$(deploy/env_file.sh get ASSAY_USER_CODE_IMAGE)" \
        bash -c 'umask 022 && python -m samples --out /samples' >&2 ||
        fail "the samples could not be made." "The rest of Assay is up; try again: make up"
}

load() {
    local file=${1:-} source=${2:-} name folder
    [[ -n $file ]] || fail "which file?" "make load FILE=cohort.vcf.gz, or make load FILE=till-2026-01-31.csv SOURCE=till"
    [[ -e $file ]] || fail "there is no $file."
    name=$(basename "$file")
    case $name in
        *.csv | *.csv.gz)
            [[ $source =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || fail "whose transactions are these?" \
                "Name the source: make load FILE=$file SOURCE=till"
            [[ $name =~ -[0-9]{4}-[0-9]{2}-[0-9]{2}(\.v[0-9]+)?\.csv(\.gz)?$ ]] || fail "$name doesn't say its day." \
                "Name it like till-2026-01-31.csv; a corrected one till-2026-01-31.v2.csv"
            folder=$landing/finance/$source ;;
        *.vcf | *.vcf.gz | *.vcf.bgz | *.bcf | *.parquet) folder=$landing/genomics ;;
        *) [[ -d $file ]] || fail "$name is of no kind that Assay reads." \
            "Genomics: .vcf, .vcf.gz, .vcf.bgz, .bcf, .parquet; finance: .csv, .csv.gz"
            folder=$landing/genomics ;;
    esac
    make_folders
    umask 022
    mkdir -p "$folder"
    say "Copying $name to $folder"
    # Under a name that nobody looks at, then renamed: it is there whole or not at all.
    local part=$folder/.$name.part
    rm -rf "$part"
    cp -r "$file" "$part" && chmod -R u+rwX,go+rX "$part" ||
        fail "the copy failed; nothing has landed." "Is there room on the disk, and may you write to $folder?"
    if [[ -d $part ]]; then
        [[ ! -e $folder/$name ]] || fail "$folder/$name is there already." "Remove it first, or use another name."
        touch "$part/_COMPLETE"
    fi
    mv -T "$part" "$folder/$name"
    note "its run begins within a minute: see the UI, or: make logs SERVICE=daemon"
}

case ${1:-} in
    folder) echo "$landing" ;;
    make) make_folders && follow_move ;;
    samples) samples ;;
    load) load "${2:-}" "${3:-}" ;;
    *) fail "landing.sh folder | make | samples | load FILE [SOURCE]" ;;
esac
