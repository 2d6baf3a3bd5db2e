"""Old events that belong to no run: what sensors, freshness policies and people have reported.

They go with no run, so nothing would ever take them away. The newest of its kind stays, whatever
its age: of an asset's partition, and of a check's. As in control_plane/old_history.py it is asked
of Dagster's tables by SQL, and a test fails when the tables move.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime

import psycopg2

# In one pass; the next one goes on.
MOST_EVENTS = 20_000

_FORGET_CHECKS = """
DELETE FROM asset_check_executions AS old
WHERE old.create_timestamp < %(before)s
  AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = old.run_id)
  AND EXISTS (
    SELECT FROM asset_check_executions AS newer
    WHERE newer.asset_key = old.asset_key AND newer.check_name = old.check_name
      AND newer.partition IS NOT DISTINCT FROM old.partition
      AND (newer.execution_status = 'PLANNED') = (old.execution_status = 'PLANNED')
      AND newer.id > old.id
  )
"""
# A check's evaluation is an event, too: its asset's newest one may be another check's.
_FORGET_EVENTS = """
DELETE FROM event_logs WHERE id IN (
  SELECT old.id FROM event_logs AS old
  WHERE old.timestamp < %(before)s
    AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = old.run_id)
    AND NOT EXISTS (
      SELECT FROM asset_check_executions WHERE evaluation_event_storage_id = old.id
    )
    AND (
      old.asset_key IS NULL
      OR EXISTS (
        SELECT FROM event_logs AS newer
        WHERE newer.asset_key = old.asset_key
          AND newer.dagster_event_type = old.dagster_event_type
          AND newer.partition IS NOT DISTINCT FROM old.partition AND newer.id > old.id
      )
    )
  ORDER BY old.id LIMIT %(most)s
) RETURNING id
"""
_FORGET_TAGS = "DELETE FROM asset_event_tags WHERE event_id = ANY(%s)"


def forget_runless_events(
    dsn: str, days: float, *, plan: bool = False, most: int = MOST_EVENTS
) -> int:
    """Delete events older than `days` that belong to no run, `most` at once; how many.

    With `plan` they stay.
    """
    before = datetime.fromtimestamp(time.time() - days * 86400, UTC).replace(tzinfo=None)
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(_FORGET_CHECKS, {"before": before})
        cursor.execute(_FORGET_EVENTS, {"before": before, "most": most})
        gone = [row[0] for row in cursor.fetchall()]
        cursor.execute(_FORGET_TAGS, (gone,))
        if plan:
            connection.rollback()
        else:
            connection.commit()
    return len(gone)
