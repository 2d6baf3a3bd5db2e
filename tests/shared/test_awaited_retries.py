"""A failure that Dagster says it will retry is told if no retry comes, and never twice."""

from __future__ import annotations

import time

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType

from tests.shared import sensor_ticks
from tests.shared.run_events import DEFINITIONS, SENSOR, end, fail, key, make_run, succeed
from tests.shared.sensor_ticks import alerts
from user_code.shared import awaited_retries, run_ends
from user_code.shared.publishing import Publisher

DAY = "2026-01-02"
NOT_RETRIED = f"daily failed for {DAY}, and was not tried again, though it should have been"


class Ticks:
    """The sensor's ticks, each a while after the one before."""

    def __init__(self, instance: dg.DagsterInstance, publisher: Publisher) -> None:
        self.instance = instance
        self.publisher = publisher
        self.cursor: str | None = None
        self.later = 0.0
        self.look()

    def look(self, seconds_later: float = 0) -> dict[str, str]:
        """The states of all alerts after a tick."""
        self.later += seconds_later
        self.cursor = sensor_ticks.tick(
            SENSOR, self.instance, self.publisher, DEFINITIONS, self.cursor
        )
        return {key: state for key, (state, _) in alerts(self.publisher).items()}

    def row(self) -> tuple[object, ...]:
        """Severity, subject and count of the one alert."""
        with self.publisher.warehouse.transaction() as cursor:
            cursor.execute("SELECT severity, subject, count FROM ops.alerts")
            (row,) = cursor.fetchall()
            return tuple(row)


@pytest.fixture
def ticks(
    instance: dg.DagsterInstance, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> Ticks:
    monkeypatch.setattr(run_ends, "_SETTLE_SECONDS", 0)
    ticks = Ticks(instance, publisher)
    monkeypatch.setattr(awaited_retries, "_clock", lambda: time.time() + ticks.later)
    return ticks


def retry(instance: dg.DagsterInstance, failed: dg.DagsterRun) -> dg.DagsterRun:
    """As the daemon makes it: it has not been started yet."""
    made = make_run(instance, DAY, will_retry="false")
    instance.add_run_tags(failed.run_id, {"dagster/auto_retry_run_id": made.run_id})
    return made


def start(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    event = DagsterEvent(DagsterEventType.RUN_START.value, job_name=run.job_name)
    instance.report_dagster_event(event, run.run_id)


def test_a_retry_that_does_not_come_is_told_and_a_later_success_closes(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    fail(instance, DAY, will_retry="true")
    assert ticks.look() == {}
    assert ticks.look(290) == {}
    assert ticks.look(15) == {key(DAY): "open"}
    assert ticks.row() == ("error", NOT_RETRIED, 1)
    assert ticks.look(600) == {key(DAY): "open"}
    assert ticks.row() == ("error", NOT_RETRIED, 1)
    succeed(instance, DAY)
    assert ticks.look() == {key(DAY): "closed"}


def test_a_retry_that_comes_is_waited_for_however_long_it_takes(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    failed = fail(instance, DAY, will_retry="true")
    start(instance, made := retry(instance, failed))
    assert ticks.look() == {}
    assert ticks.look(3000) == {}
    end(instance, made, False)
    assert ticks.look() == {key(DAY): "open"}
    assert ticks.row()[1] == f"daily failed for {DAY}"


def test_a_retry_that_comes_after_all_is_no_second_alert(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    failed = fail(instance, DAY, will_retry="true")
    ticks.look()
    ticks.look(400)
    end(instance, retry(instance, failed), False)
    assert ticks.look() == {key(DAY): "open"}
    assert ticks.row() == ("error", f"daily failed for {DAY}", 2)  # counted, not opened again
    assert ticks.look(400) == {key(DAY): "open"}
    assert ticks.row()[2] == 2


def test_a_retry_that_was_made_but_never_started_is_none(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    retry(instance, fail(instance, DAY, will_retry="true"))
    assert ticks.look() == {}
    assert ticks.look(400) == {key(DAY): "open"}


def test_a_promise_that_is_taken_back_is_told_at_once(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    failed = fail(instance, DAY, will_retry="true")
    assert ticks.look() == {}
    instance.add_run_tags(failed.run_id, {"dagster/will_retry": "false"})
    assert ticks.look(15) == {key(DAY): "open"}


def test_what_has_succeeded_meanwhile_or_was_deleted_is_not_waited_for(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    fail(instance, DAY, will_retry="true")
    deleted = fail(instance, "2026-01-03", will_retry="true")
    ticks.look()
    succeed(instance, DAY)
    instance.delete_run(deleted.run_id)
    assert ticks.look() == {}
    assert ticks.look(400) == {}


def test_what_succeeded_within_a_range_of_days_is_not_waited_for(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    fail(instance, DAY, will_retry="true")
    ticks.look()
    days = {
        "asset_partition_range_start": "2026-01-01",
        "asset_partition_range_end": "2026-01-05",
    }
    end(instance, make_run(instance, "", **days), True)
    assert ticks.look(400) == {}


def test_a_failure_for_good_is_told_once_though_an_earlier_one_waits(
    instance: dg.DagsterInstance, ticks: Ticks
) -> None:
    fail(instance, DAY, will_retry="true")
    ticks.look()
    fail(instance, DAY)  # somebody has tried it by hand
    ticks.look()
    ticks.look(400)
    assert ticks.row() == ("error", f"daily failed for {DAY}", 1)
