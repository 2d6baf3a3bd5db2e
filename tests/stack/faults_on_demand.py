"""What goes wrong when test_alerts.py asks for it: the tests' Assay loads it beside its own.

`conftest.py` puts this file into the tests' copy of the tree, as `user_code/faults_on_demand.py`. A
fault is on while a file of its name lies in the landing zone's folder `.faults`.
"""

from datetime import timedelta

import dagster as dg

from user_code.settings import settings


def is_on(fault: str) -> bool:
    """Whether the fault is asked for now."""
    return (settings().landing / ".faults" / fault).exists()


@dg.op
def eat() -> None:
    """Hold more and more memory, for as long as the container lives."""
    held = []
    while is_on("hunger"):
        held.append(b"x" * 20_000_000)


@dg.job(tags={"assay/memory": "512m", "dagster/max_retries": "0"})
def hungry() -> None:
    """Runs out of memory, or does nothing."""
    eat()


@dg.asset(group_name="faults", owners=["team:tests"])
def half_loaded() -> None:
    """Has a check that blocks nothing."""


@dg.asset_check(asset=half_loaded)
def is_whole() -> dg.AssetCheckResult:
    """Fails while half of it is missing."""
    return dg.AssetCheckResult(passed=not is_on("half"))


fed_from_outside = dg.AssetSpec(
    "fed_from_outside",
    group_name="faults",
    # As short as Dagster allows.
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(minutes=1)),
)


@dg.sensor(job=hungry, minimum_interval_seconds=5, default_status=dg.DefaultSensorStatus.RUNNING)
def moody() -> dg.SkipReason:
    """Finds nothing, or raises."""
    if is_on("mood"):
        raise RuntimeError("not today")
    return dg.SkipReason("Nothing to do.")


defs = dg.Definitions(
    assets=[half_loaded, fed_from_outside],
    asset_checks=[is_whole],
    jobs=[hungry, dg.define_asset_job("load_half", [half_loaded])],
    sensors=[moody],
)
