"""`make bench`: what a run costs in its own container, against Dagster's example and the floor.

The three are measured in turn, on one machine, with the same images and the same definitions. Then
what docker_gate adds to a launch, against the engine's own socket.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.deployment import Deployment, start_postgres
from benchmarks.engine import BenchmarkError, Engine
from benchmarks.gate import time_launches
from benchmarks.report import launch_table, machine, table

# What a run container does before and besides its work, and nothing else.
FLOOR = "import noop_definitions; noop_definitions.defs.get_repository_def()"


def main() -> int:
    """Measure and print; 1 and one line if it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="of each kind (default 10)")
    parser.add_argument("--many", type=int, default=40, help="runs for the throughput (default 40)")
    parser.add_argument("--launches", type=int, default=100, help="by each socket (default 100)")
    parser.add_argument("--only-launches", action="store_true", help="what docker_gate adds, alone")
    given = parser.parse_args()
    try:
        if not given.only_launches:
            measure(given.runs, given.many)
        measure_gate(given.launches)
    except BenchmarkError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    return 0


def measure(runs: int, many: int) -> None:
    """Print the figures of `runs` runs of each kind in turn, and of `many` runs at once."""
    load = os.getloadavg()[0]
    seconds: dict[str, list[float]] = {"floor": [], "assay": [], "example": []}
    with Engine(images(settings())) as engine:
        say("starting Postgres and two deployments")
        start_postgres(engine)
        assay, example = Deployment(engine, "assay"), Deployment(engine, "example")
        for deployment in (assay, example):  # the first run pays for cold caches
            deployment.wait_for([deployment.launch()])
        for number in range(runs):
            seconds["floor"].append(engine.time_bare(["python", "-c", FLOOR]))
            for deployment in (assay, example):
                timed = deployment.wait_for([deployment.launch()])
                seconds[deployment.kind].append(timed[0].seconds)
            say(
                f"round {number + 1} of {runs}: "
                + ", ".join(f"{name} {values[-1]:.2f} s" for name, values in seconds.items())
            )
        say(f"{many} runs at once, four at a time")
        timed = assay.wait_for([assay.launch() for _ in range(many)])
        minutes = (max(t.ended for t in timed) - min(t.created for t in timed)) / 60
        here = machine(engine.client.info())
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {here}; load before the start {load:.1f}.\n")
    print(table(seconds, many / minutes))


def measure_gate(launches: int) -> None:
    """Print what docker_gate adds to a launch, by `launches` of them by each way."""
    load = os.getloadavg()[0]
    with Engine(images(settings())) as engine:
        say(f"{launches} launches through docker_gate, and as many without it, in turn")
        seconds = time_launches(engine, launches)
        here = machine(engine.client.info())
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {here}; load before the start {load:.1f}.\n")
    print(launch_table(seconds))


def settings() -> dict[str, str]:
    """The env file's variables, under those of this process."""
    file = Path(os.environ.get("ASSAY_ENV_FILE") or ".env")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {**{name.strip(): value.strip() for name, value in pairs}, **os.environ}


def images(env: Mapping[str, str]) -> dict[str, str]:
    """Which images are measured: those that `make up` runs."""
    project = env.get("ASSAY_PROJECT") or "assay"
    return {
        "dagster": f"{project}/dagster:built",
        "user_code": env.get("ASSAY_USER_CODE_IMAGE") or f"{project}/user_code:built",
        "postgres": env.get("POSTGRES_IMAGE") or "postgres:17-trixie",
    }


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
