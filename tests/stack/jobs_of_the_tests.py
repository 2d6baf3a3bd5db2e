"""Jobs that behave badly: the tests' Assay loads them beside its own. Runs in a run's container.

`conftest.py` puts this file into the tests' copy of the tree, as `user_code/jobs_of_the_tests.py`.
"""

import http.client
import json
import os
import socket
import sys
import time
from urllib.parse import urlsplit

import dagster as dg
from pydantic import Field

if os.environ.get("DAGSTER_RUN_JOB_NAME") == "dies_at_boot":
    print("last words of a run that never began", file=sys.stderr, flush=True)
    os._exit(3)


class Targets(dg.Config):
    """What to try: `host:port` without the proxy, URLs and CONNECTs by it."""

    directly: list[str] = Field(default_factory=list)
    by_proxy: list[str] = Field(default_factory=list)
    tunnels: list[str] = Field(default_factory=list)


def _directly(target: str) -> str:
    host, _, port = target.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=4).close()
    except OSError as error:
        return type(error).__name__
    return "reached"


def _by_proxy(method: str, target: str) -> str:
    proxy = urlsplit(os.environ.get("HTTP_PROXY", ""))
    if not proxy.hostname:
        return "no proxy"
    connection = http.client.HTTPConnection(proxy.hostname, proxy.port or 0, timeout=30)
    try:
        connection.request(method, target)
        return str(connection.getresponse().status)
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()


@dg.op
def look_around(context: dg.OpExecutionContext, config: Targets) -> None:
    """Try all targets; what came of each goes into the run's log, as one line of JSON."""
    found = {target: _directly(target) for target in config.directly}
    found |= {target: _by_proxy("GET", target) for target in config.by_proxy}
    found |= {target: _by_proxy("CONNECT", target) for target in config.tunnels}
    context.log.info("found " + json.dumps(found))


@dg.op
def take_memory() -> None:
    """Take more and more memory, for as long as there is some."""
    taken = []
    while True:
        taken.append(b"x" * 2**24)
        time.sleep(0.01)


@dg.op
def go_on(context: dg.OpExecutionContext) -> None:
    """Go on for ten minutes, and say so."""
    for second in range(600):
        context.log.info(f"going on, {second}")
        time.sleep(1)


@dg.job
def looks_around() -> None:
    """May ask for the outside: the tests' env file names it."""
    look_around()


@dg.job
def looks_around_inside() -> None:
    """May not ask for the outside."""
    look_around()


@dg.job(tags={"assay/memory": "400m"})
def takes_memory() -> None:
    """Is killed for it."""
    take_memory()


@dg.job
def dies_at_boot() -> None:
    """Its process ends while it loads this file."""
    go_on()


@dg.job
def goes_on() -> None:
    """Lives until somebody ends it."""
    go_on()


defs = dg.Definitions(jobs=[looks_around, looks_around_inside, takes_memory, dies_at_boot, goes_on])
