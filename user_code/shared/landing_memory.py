"""What the landing sensors remember, in the table `shared.landed_files`.

Not in the sensor's cursor: Dagster copies that into every tick's record, and thousands of files
would make megabytes of it each half minute. The cursor holds the number of the last tick whose run
requests Dagster has taken: what a later tick wrote is known, but not certain to have been asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from psycopg2.extras import execute_values

from user_code.shared.landing import KnownFile

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


def recall(cursor: Cursor, sensor: str, taken_tick: int) -> tuple[dict[str, KnownFile], int]:
    """The known files by path, and the number that the next tick may use."""
    cursor.execute(
        "SELECT path, fingerprint, partition, changes, stamp, tick"
        " FROM shared.landed_files WHERE sensor = %s",
        (sensor,),
    )
    known = {}
    last = taken_tick
    for path, fingerprint, partition, changes, stamp, tick in cursor.fetchall():
        known[path] = KnownFile(fingerprint, partition, changes, tick <= taken_tick, stamp)
        last = max(last, tick)
    return known, last + 1


def remember(cursor: Cursor, sensor: str, tick: int, files: Mapping[str, KnownFile]) -> None:
    """Write what `tick` decided about these paths."""
    execute_values(
        cursor,
        "INSERT INTO shared.landed_files"
        " (sensor, path, fingerprint, partition, changes, stamp, tick) VALUES %s"
        " ON CONFLICT (sensor, path) DO UPDATE SET fingerprint = excluded.fingerprint,"
        " partition = excluded.partition, changes = excluded.changes, stamp = excluded.stamp,"
        " tick = excluded.tick",
        [
            (sensor, path, file.fingerprint, file.partition, file.changes, file.stamp, tick)
            for path, file in files.items()
        ],
    )
