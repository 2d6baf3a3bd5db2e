"""Alerts: one row per key, counted, opened again, closed."""

from __future__ import annotations

from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.warehouse import Warehouse


def say(warehouse: Warehouse, rows: int = 1) -> None:
    raise_alert(
        warehouse,
        key="k",
        kind="test",
        severity="warning",
        domain="finance",
        subject=f"{rows} rows",
        facts={"rows": rows},
        link="http://here",
    )


def row(warehouse: Warehouse) -> tuple[object, ...]:
    with warehouse.transaction() as cursor:
        cursor.execute(
            "SELECT state, count, subject, facts, first_seen = last_seen FROM ops.alerts"
        )
        (found,) = cursor.fetchall()
    return found


def test_an_alert_is_counted_closed_and_opened_again(warehouse: Warehouse) -> None:
    assert not close_alert(warehouse, "k")
    say(warehouse)
    assert row(warehouse) == ("open", 1, "1 rows", {"rows": 1}, True)
    say(warehouse, 2)
    assert row(warehouse) == ("open", 2, "2 rows", {"rows": 2}, False)
    assert close_alert(warehouse, "k")
    assert row(warehouse)[0] == "closed"
    say(warehouse, 3)
    assert row(warehouse) == ("open", 3, "3 rows", {"rows": 3}, True)


def test_an_acknowledged_alert_stays_acknowledged(warehouse: Warehouse) -> None:
    say(warehouse)
    with warehouse.transaction() as cursor:
        cursor.execute("UPDATE ops.alerts SET state = 'acknowledged'")
    say(warehouse)
    assert row(warehouse)[:2] == ("acknowledged", 2)


def test_an_alert_joins_the_transaction_of_its_cursor(warehouse: Warehouse) -> None:
    connection = warehouse.connect()
    with connection.cursor() as cursor:
        raise_alert(cursor, key="k", kind="t", severity="info", domain="", subject="s", facts={})
    connection.rollback()
    connection.close()
    assert not close_alert(warehouse, "k")
