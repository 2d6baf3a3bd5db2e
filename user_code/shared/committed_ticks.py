"""A tick that is repeated tells nothing twice: how far it came is committed with its alerts.

Dagster keeps a tick's cursor only afterwards. If the tick dies between the two, the next one is
given the old cursor, and would see a failure and the success after it once more: the alert would
open and close again, for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


def resume(cursor: Cursor, sensor: str, given: str | None) -> str | None:
    """Where this tick begins: at `given`, unless a tick that was given the same has committed.

    Until the transaction ends, no other tick of this sensor gets beyond this.
    """
    cursor.execute(
        "INSERT INTO shared.sensor_ticks (sensor) VALUES (%s) ON CONFLICT DO NOTHING", (sensor,)
    )
    cursor.execute(
        "SELECT given, reached FROM shared.sensor_ticks WHERE sensor = %s FOR UPDATE", (sensor,)
    )
    row = cursor.fetchone()
    if row is not None and row[1] is not None and row[0] == (given or ""):
        reached: str = row[1]
        return reached
    return given


def note(cursor: Cursor, sensor: str, given: str | None, reached: str) -> None:
    """The tick that was given `given` is done up to `reached`, once this transaction commits."""
    if reached != given:
        cursor.execute(
            "UPDATE shared.sensor_ticks SET given = %s, reached = %s WHERE sensor = %s",
            (given or "", reached, sensor),
        )
