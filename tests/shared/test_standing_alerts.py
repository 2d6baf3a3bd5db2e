"""Alerts that last as long as their cause: late runs, stale assets, too much in quarantine."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from tests.shared.sensor_ticks import alerts, tick
from user_code.shared.freshness_alerts import build_freshness_alerts
from user_code.shared.freshness_records import freshness_states
from user_code.shared.open_alerts import ASSET, as_markdown, build_alert_table
from user_code.shared.publishing import Publisher
from user_code.shared.quarantine_alerts import build_quarantine_alerts
from user_code.shared.run_time_alerts import RunAge, build_run_time_alerts, judge
from user_code.shared.standing_alerts import Finding, bring_up_to_date

FRESHNESS, TIME, TABLE = build_freshness_alerts(), build_run_time_alerts(), build_alert_table()
QUARANTINE = build_quarantine_alerts("finance", "feed", records="records", quarantined="rejected")


@dg.asset(
    group_name="finance",
    owners=["team:finance"],
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(days=1)),
)
def feed() -> None: ...


@dg.job
def slow() -> None: ...


DEFINITIONS = dg.Definitions(
    assets=[feed],
    jobs=[slow],
    sensors=[FRESHNESS, TIME, QUARANTINE, TABLE],
    resources={"publisher": Publisher()},
)


def judged(instance: dg.DagsterInstance, state: FreshnessState) -> None:
    """As the freshness daemon notes it."""
    instance.report_dagster_event(
        DagsterEvent(
            event_type_value=DagsterEventType.FRESHNESS_STATE_CHANGE.value,
            job_name="",
            event_specific_data=FreshnessStateChange(
                key=feed.key,
                new_state=state,
                previous_state=FreshnessState.UNKNOWN,
                state_change_timestamp=time.time(),
            ),
        ),
        run_id="",
    )


def test_the_states_that_the_freshness_daemon_notes_can_be_read(
    instance: dg.DagsterInstance,
) -> None:
    assert freshness_states(instance, [feed.key]) == {}
    judged(instance, FreshnessState.FAIL)
    ((key, (state, since)),) = freshness_states(instance, [feed.key]).items()
    assert (key, state) == (feed.key, "FAIL")
    assert abs(since - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_stale_asset_alerts_once_and_closes_when_it_is_fresh(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    tick(FRESHNESS, instance, publisher, DEFINITIONS)
    assert alerts(publisher) == {}
    judged(instance, FreshnessState.FAIL)
    for _ in range(2):
        tick(FRESHNESS, instance, publisher, DEFINITIONS)
    state, facts = alerts(publisher)["asset.stale:feed"]
    assert (state, facts["asset"], facts["owners"]) == ("open", "feed", ["team:finance"])
    with publisher.warehouse.transaction() as cursor:
        cursor.execute("SELECT count, domain FROM ops.alerts")
        assert cursor.fetchall() == [(1, "finance")]
    judged(instance, FreshnessState.PASS)
    tick(FRESHNESS, instance, publisher, DEFINITIONS)
    assert alerts(publisher)["asset.stale:feed"][0] == "closed"


def test_a_run_over_its_limit_alerts_until_it_ends(
    instance: dg.DagsterInstance, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_RUN_MINUTES", "0")
    run = instance.create_run_for_job(slow)
    instance.handle_new_event(started(run.run_id))
    tick(TIME, instance, publisher, DEFINITIONS)
    assert alerts(publisher)[f"run.over_time_limit:{run.run_id}"][0] == "open"
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    instance.report_run_failed(found)
    tick(TIME, instance, publisher, DEFINITIONS)
    assert alerts(publisher)[f"run.over_time_limit:{run.run_id}"][0] == "closed"


def started(run_id: str) -> dg.EventLogEntry:
    return dg.EventLogEntry(
        error_info=None,
        level="debug",
        user_message="",
        run_id=run_id,
        timestamp=time.time(),
        job_name="slow",
        dagster_event=DagsterEvent(DagsterEventType.RUN_START.value, "slow"),
    )


@pytest.mark.parametrize(
    ("age", "kind"),
    [
        (RunAge("STARTED", 50, 60), None),
        (RunAge("STARTED", 70, 60), "run.over_time_limit"),
        (RunAge("STARTING", 200, 60), None),
        (RunAge("STARTING", 400, 60), "run.stuck"),
        (RunAge("CANCELING", 400, 60), "run.stuck"),
    ],
)
def test_a_run_is_late_by_its_limit_and_stuck_between_states(age: RunAge, kind: str | None) -> None:
    assert judge(age) == kind


def test_too_much_in_quarantine_alerts_until_the_partition_is_better(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    def computed(day: str, rejected: int) -> None:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                feed.key, partition=day, metadata={"records": 1000, "rejected": rejected}
            )
        )

    computed("2026-01-01", 51)
    computed("2026-01-02", 50)
    cursor = tick(QUARANTINE, instance, publisher, DEFINITIONS)
    key = "quarantine.rate:feed:2026-01-01"
    assert {key: state for key, (state, _) in alerts(publisher).items()} == {key: "open"}
    computed("2026-01-01", 0)
    tick(QUARANTINE, instance, publisher, DEFINITIONS, cursor)
    assert alerts(publisher)[key][0] == "closed"


def test_the_table_is_told_when_alerts_change_and_only_then(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    def look(cursor: str | None) -> dg.SensorResult:
        result = TABLE(
            dg.build_sensor_context(
                instance=instance, cursor=cursor, resources={"publisher": publisher}
            )
        )
        assert isinstance(result, dg.SensorResult)
        return result

    first = look(None)
    assert first.asset_events[0].asset_key == ASSET
    assert look(first.cursor).asset_events == []
    with publisher.warehouse.transaction() as cursor:
        found = [Finding("k", "t", "error", "finance", "a|b\n[c](http://evil)", link="http://ui/x")]
        bring_up_to_date(cursor, ["t"], found)
    event = look(first.cursor).asset_events[0]
    assert event.metadata["open"].value == 1
    text = str(event.metadata["alerts"].value)
    assert len(text.splitlines()) == 3
    assert r"[finance: a\|b \[c\](http://evil)](http://ui/x)" in text


def test_without_alerts_the_table_says_so() -> None:
    assert as_markdown([]) == "No alerts."
