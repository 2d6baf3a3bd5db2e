# Sourced by `make up` and by the gateway's own start, so that plain `docker compose up` is as safe.
# POSIX sh: the gateway's image has no bash.

is_loopback() {
    case $1 in
        127.* | localhost | ::1 | "[::1]") return 0 ;;
        *) return 1 ;;
    esac
}

# why_unsafe ADDRESS TLS LOGINS: nothing where it may start, else the reason, and what to do.
# LOGINS is empty where nobody can log in.
why_unsafe() {
    case $2 in
        "" | off | files | internal | acme) ;;
        *)
            echo "ASSAY_TLS=$2 is none of: (empty), internal, files, acme."
            return ;;
    esac
    if is_loopback "$1"; then return; fi
    if [ -z "$2" ] || [ "$2" = off ]; then
        echo "ASSAY_UI_ADDRESS=$1 lets others in, but without TLS everybody on the way reads their passwords."
        echo "Set ASSAY_TLS in the env file: internal (Caddy's own authority), files (your certificate) or acme."
        echo "Or keep to this machine: ASSAY_UI_ADDRESS=127.0.0.1"
    elif [ -z "$3" ]; then
        echo "ASSAY_UI_ADDRESS=$1 lets others in, but there is no user who could log in."
        echo "Make one: make user NAME=admin ROLE=admin (or: docker compose run --rm logins add admin admin)"
    fi
}
