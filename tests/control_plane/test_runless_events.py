"""Old events of no run go; the newest of its kind stays, for each partition and check."""

from __future__ import annotations

from contextlib import closing

import dagster as dg
import psycopg2

from control_plane import janitor
from control_plane.runless_events import forget_runless_events
from control_plane.settings import Settings
from tests.control_plane.test_old_history import age_all, ids, make, thing


def rows(here: Settings, table: str) -> int:
    with closing(psycopg2.connect(here.dagster_dsn())) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])


OTHER = dg.AssetKey("other")
OLD = ["event_logs.timestamp", "asset_check_executions.create_timestamp"]


def report(kept: dg.DagsterInstance, key: dg.AssetKey, partition: str | None) -> None:
    for event in (dg.AssetMaterialization, dg.AssetObservation):
        kept.report_runless_asset_event(
            event(key, partition=partition, tags={"a": "b"})  # type: ignore[operator]
        )


def report_check(kept: dg.DagsterInstance, key: dg.AssetKey, name: str) -> None:
    kept.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=key, check_name=name, passed=True, metadata={})
    )


def statement(here: Settings, sql: str) -> None:
    with closing(psycopg2.connect(here.dagster_dsn())) as connection, connection:
        connection.cursor().execute(sql)


def grow_old(here: Settings) -> None:
    """All that is there now, but for the runs themselves."""
    for column in OLD:
        age_all(here, *column.split("."))


def test_old_events_of_no_run_go_and_the_newest_of_its_kind_stays(
    kept: dg.DagsterInstance, here: Settings
) -> None:
    report(kept, OTHER, "a")
    report_check(kept, OTHER, "one")
    for _ in range(2):
        for partition in ("a", "b", None):
            report(kept, thing.key, partition)
        for check in ("one", "two"):
            report_check(kept, thing.key, check)
    of_a_run = make(kept, "a")  # newer than what was reported of the partition a
    grow_old(here)
    report(kept, thing.key, "young")
    before = rows(here, "event_logs"), rows(here, "asset_event_tags")
    assert before[1] > 0
    # Dagster keeps those of an asset's newest event.
    gone = "SELECT min(id) FROM event_logs WHERE asset_key = '[\"thing\"]'"
    statement(here, f"UPDATE asset_event_tags SET event_id = ({gone})")

    # Materialisations: two of a, one of b, one without. Observations: one each. A check each.
    said = ["9 events of no run, older than 30 days"]
    assert janitor.tidy(kept, here, plan=True) == said
    assert (rows(here, "event_logs"), rows(here, "asset_event_tags")) == before
    assert janitor.tidy(kept, here, plan=False) == said
    assert rows(here, "event_logs") == before[0] - 9
    assert rows(here, "asset_event_tags") == 0
    assert janitor.tidy(kept, here, plan=True) == []

    assert kept.get_materialized_partitions(thing.key) == {"a", "b", "young"}
    assert kept.get_materialized_partitions(OTHER) == {"a"}
    for key, check in ((thing.key, "one"), (thing.key, "two"), (OTHER, "one")):
        named = dg.AssetCheckKey(key, check)
        record = kept.event_log_storage.get_latest_asset_check_execution_by_key([named])[named]
        assert record.event is not None
        assert len(kept.event_log_storage.get_asset_check_execution_history(named, limit=9)) == 1
    assert ids(kept) == {of_a_run}


def test_what_is_young_or_of_a_run_stays_though_there_is_something_newer(
    kept: dg.DagsterInstance, here: Settings
) -> None:
    runs = {make(kept, "a"), make(kept, "a")}
    grow_old(here)  # their events; the runs have ended just now
    for _ in range(2):
        report(kept, thing.key, "a")
        report_check(kept, thing.key, "one")
        report_check(kept, thing.key, "is_there")
    before = rows(here, "event_logs"), rows(here, "asset_check_executions")
    assert janitor.tidy(kept, here, plan=False) == []
    assert (rows(here, "event_logs"), rows(here, "asset_check_executions")) == before
    assert ids(kept) == runs


def test_a_check_that_was_only_planned_makes_no_other_old(
    kept: dg.DagsterInstance, here: Settings
) -> None:
    report_check(kept, thing.key, "one")
    report_check(kept, thing.key, "one")
    statement(
        here,
        "UPDATE asset_check_executions SET execution_status = 'PLANNED'"
        " WHERE id = (SELECT max(id) FROM asset_check_executions)",
    )
    grow_old(here)
    assert janitor.tidy(kept, here, plan=False) == []
    assert rows(here, "asset_check_executions") == 2


def test_a_check_of_one_partition_makes_none_of_another_old(
    kept: dg.DagsterInstance, here: Settings
) -> None:
    for _ in range(2):
        report_check(kept, thing.key, "one")
    first = "(SELECT min(id) FROM asset_check_executions)"
    statement(here, f"UPDATE asset_check_executions SET partition = 'a' WHERE id = {first}")
    grow_old(here)
    assert janitor.tidy(kept, here, plan=False) == []
    assert rows(here, "asset_check_executions") == 2


def test_an_event_of_no_asset_goes_once_it_is_old(kept: dg.DagsterInstance, here: Settings) -> None:
    report(kept, thing.key, "a")
    statement(here, "UPDATE event_logs SET asset_key = NULL")
    assert janitor.tidy(kept, here, plan=False) == []
    grow_old(here)
    assert janitor.tidy(kept, here, plan=False) == ["2 events of no run, older than 30 days"]


def test_no_more_than_so_many_events_go_at_once(kept: dg.DagsterInstance, here: Settings) -> None:
    for _ in range(4):
        kept.report_runless_asset_event(dg.AssetMaterialization(thing.key, partition="a"))
    age_all(here, "event_logs", "timestamp")
    assert forget_runless_events(here.dagster_dsn(), 30, most=2) == 2
    assert forget_runless_events(here.dagster_dsn(), 30, most=2) == 1
    assert forget_runless_events(here.dagster_dsn(), 30, most=2) == 0
