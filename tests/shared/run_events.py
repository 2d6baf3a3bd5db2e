"""Ends of runs as Dagster's event log has them, without running anything."""

from __future__ import annotations

import time

import dagster as dg
from dagster import DagsterEvent, DagsterEventType

from user_code.shared.publishing import Publisher
from user_code.shared.run_alerts import build_run_failure_alerts

SENSOR = build_run_failure_alerts()


@dg.op
def work() -> None: ...


@dg.job
def daily() -> None:
    work()


DEFINITIONS = dg.Definitions(jobs=[daily], sensors=[SENSOR], resources={"publisher": Publisher()})


def make_run(instance: dg.DagsterInstance, day: str, **tags: str) -> dg.DagsterRun:
    """A run of `daily` that has not ended; `will_retry="true"` is the tag dagster/will_retry."""
    named = {f"dagster/{name}": value for name, value in tags.items()}
    return instance.create_run_for_job(daily, tags={"dagster/partition": day} | named)


def end(
    instance: dg.DagsterInstance, run: dg.DagsterRun, well: bool, seconds_ago: float = 0
) -> dg.DagsterRun:
    """`run` has succeeded, or failed; that it did so some time ago is written now."""
    kind = DagsterEventType.RUN_SUCCESS if well else DagsterEventType.RUN_FAILURE
    event = DagsterEvent(kind.value, job_name=run.job_name, message="killed by a test")
    instance.report_dagster_event(event, run.run_id, timestamp=time.time() - seconds_ago)
    return run


def fail(
    instance: dg.DagsterInstance, day: str, seconds_ago: float = 0, **tags: str
) -> dg.DagsterRun:
    """A new run has failed."""
    return end(instance, make_run(instance, day, **tags), False, seconds_ago)


def succeed(instance: dg.DagsterInstance, day: str, seconds_ago: float = 0) -> dg.DagsterRun:
    """A new run has succeeded."""
    return end(instance, make_run(instance, day), True, seconds_ago)


def key(day: str) -> str:
    """Of the alert that a failed run of this day gets."""
    return f"run.failed:daily:{day}"
