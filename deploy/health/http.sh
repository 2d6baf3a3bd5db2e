#!/usr/bin/env bash
# Healthy: GET of this path on this port answers 200.
set -euo pipefail
exec 3<>"/dev/tcp/127.0.0.1/$1"
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3
read -r _ code _ <&3
[[ $code == 200 ]]
