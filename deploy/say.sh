# Sourced by every script here: how we speak to whoever runs them.
# Progress goes to stderr, so that a script's stdout stays usable by another script.

# A step that may take a while: named before it starts.
say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

# A detail below a step.
note() { printf '    %s\n' "$*" >&2; }

# The end: what went wrong on the first line, what to do on the following ones.
fail() {
    printf '\033[1;31merror:\033[0m %s\n' "$1" >&2
    shift
    local line
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}
