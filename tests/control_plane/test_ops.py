"""The schema `ops`: migrated twice without harm, and each role may do its work and no more."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from control_plane.migrate_ops import migrate_ops
from control_plane.settings import Settings

ALERT = "INSERT INTO ops.alerts (key, kind, subject) VALUES ('k', 'test', 'a subject')"


def run(settings: Settings, role: str, *statements: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(settings.warehouse_dsn(role))) as connection, connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_a_second_migration_changes_nothing(ops: Settings) -> None:
    run(ops, "user_code", ALERT)
    migrate_ops(ops.warehouse_dsn("migrator"))
    assert run(ops, "alerter", "SELECT key, state, count FROM ops.alerts") == [("k", "open", 1)]


def test_each_change_of_state_is_noted_once_and_in_order(ops: Settings) -> None:
    run(ops, "user_code", ALERT)
    for state in ("open", "acknowledged", "closed", "closed", "open"):
        run(ops, "user_code", f"UPDATE ops.alerts SET state = '{state}', count = count + 1")
    noted = run(ops, "alerter", "SELECT transition FROM ops.alert_transitions ORDER BY id")
    assert [row[0] for row in noted] == ["opened", "closed", "opened"]


def test_what_gets_worse_is_told_once_more_and_what_gets_better_is_not(ops: Settings) -> None:
    run(ops, "user_code", ALERT)
    for severity in ("info", "warning", "error", "warning", "error", "critical", "info"):
        run(ops, "user_code", f"UPDATE ops.alerts SET severity = '{severity}'")
    run(ops, "user_code", "UPDATE ops.alerts SET state = 'closed', severity = 'critical'")
    told = "SELECT transition, severity FROM ops.alert_transitions ORDER BY id"
    assert run(ops, "alerter", told) == [
        ("opened", "warning"),
        ("opened", "error"),
        ("opened", "critical"),
        ("closed", "critical"),
    ]


def test_an_alert_that_is_rolled_back_leaves_no_transition(ops: Settings) -> None:
    with closing(psycopg2.connect(ops.warehouse_dsn("user_code"))) as connection:
        connection.cursor().execute(ALERT)
        connection.rollback()
    assert run(ops, "alerter", "SELECT * FROM ops.alert_transitions") == []


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("user_code", "DELETE FROM ops.alerts"),
        ("user_code", "INSERT INTO ops.alert_transitions DEFAULT VALUES"),
        ("user_code", "UPDATE ops.alert_deliveries SET delivered_at = now()"),
        ("alerter", "UPDATE ops.partition_commits SET run_id = 'x'"),
        ("alerter", "DELETE FROM ops.alert_transitions"),
        ("analyst", "SELECT * FROM ops.alert_deliveries"),
        ("analyst", ALERT),
        ("analyst", "DELETE FROM ops.partition_commits"),
    ],
)
def test_a_role_may_not_do_what_is_not_its_work(ops: Settings, role: str, statement: str) -> None:
    # The analyst's transactions are read-only to begin with.
    refusals = (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ReadOnlySqlTransaction)
    with pytest.raises(refusals):
        run(ops, role, statement)


def test_the_analyst_reads_what_happened(ops: Settings) -> None:
    for table in ("partition_commits", "alerts", "alert_transitions"):
        assert run(ops, "analyst", f"SELECT count(*) FROM ops.{table}") == [(0,)]
