#!/usr/bin/env bash
# Healthy: something accepts connections on this port. Some milliseconds, where Dagster's own
# check imports Dagster each time and takes seconds of a core.
exec 3<>"/dev/tcp/127.0.0.1/$1"
