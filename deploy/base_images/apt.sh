# Sourced by build.sh: what this machine's own apt knows of Debian, without installing or changing
# anything on the machine. `tools` is the folder for what we get; `note` comes from say.sh.
set -euo pipefail

# Options for apt-get: none as long as the machine's lists of packages will do.
apt=()

# Lists of our own, where the machine has none (any more), or too old ones. Fails if apt can't get them.
own_lists() {
    [[ ${#apt[@]} -eq 0 ]] || return 0
    # Not as apt's own user, who may not reach this folder.
    apt=(-o "Dir::State::Lists=$tools/apt/lists" -o "Dir::Cache=$tools/apt/cache" -o APT::Sandbox::User=root)
    mkdir -p "$tools/apt/lists/partial" "$tools/apt/cache/archives/partial"
    note "getting apt's lists of packages into .tools (this machine has none, or old ones)"
    apt-get "${apt[@]}" update -q >"$tools/apt.log" 2>&1
}

# Where apt gets its lists: address, release and origin, a line each.
sites() {
    apt-get "${apt[@]}" indextargets --format '$(SITE) $(CODENAME) $(ORIGIN)' 2>/dev/null | sort -u
}

# The first address among `sites` (on stdin) that Debian's release $1 comes from. By what the site
# says of itself: others (Docker, say) have a path like Debian's, and a mirror may have any.
site_of() {
    awk -v release="$1" '$2 == release && $3 == "Debian" && NF == 3 && $1 ~ /^https?:/ { print $1; exit }'
}

# The Debian mirror and the security mirror that this machine uses; empty where it is no Debian.
find_mirrors() {
    mirror="" security=""
    [[ -r /etc/os-release ]] && grep -q '^ID=debian' /etc/os-release || return 0
    local known code proxy
    code=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    known=$(sites) || return 0
    if [[ -z $known ]] && own_lists; then known=$(sites); fi
    mirror=$(site_of "$code" <<<"$known")
    security=$(site_of "$code-security" <<<"$known")
    proxy=$(apt-config dump Acquire::http::Proxy 2>/dev/null | sed -n 's/.*"\(.*\)".*/\1/p')
    [[ -z $proxy ]] || export http_proxy=${http_proxy:-$proxy}
}
