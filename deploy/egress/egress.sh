#!/usr/bin/env bash
# Writes squid's configuration from ASSAY_OUTSIDE_HOSTS and becomes squid.
set -euo pipefail

label='[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
read -ra hosts <<<"${ASSAY_OUTSIDE_HOSTS:-}"
for host in "${hosts[@]}"; do
    # Names, never addresses. A dot before the name means: and all below it.
    [[ $host =~ ^\.?($label\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]$ ]] || {
        echo "egress: ASSAY_OUTSIDE_HOSTS: '$host' is no name of a host, e.g. data.example.org" >&2
        exit 78
    }
done

cat >/tmp/squid.conf <<CONF
http_port 3128
visible_hostname egress
pid_filename none
cache deny all
cache_mem 0 MB
cache_log /dev/stderr
access_log stdio:/dev/stdout
# Which host, not what was asked of it.
strip_query_terms on
pinger_enable off
via off
forwarded_for delete
shutdown_lifetime 1 second

acl web port 80 443
acl tls port 443
acl tunnel method CONNECT
# A listed name may resolve to anything, to a neighbour or to the cloud's metadata, too.
acl inside dst 0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
acl inside dst 192.0.0.0/24 192.168.0.0/16 198.18.0.0/15 224.0.0.0/3
acl inside dst ::/127 64:ff9b::/96 fc00::/7 fe80::/10 ff00::/8
# -n: an address is not turned into a name that may be listed.
acl listed dstdomain -n ${hosts[*]:-nothing.invalid}

http_access deny !web
http_access deny tunnel !tls
http_access deny !listed
http_access deny inside
http_access allow all
CONF
exec squid -N -f /tmp/squid.conf
