"""The alert of a run over several days closes once each day has succeeded, in whichever runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from user_code.shared.alerts import close_alert
from user_code.shared.run_alert_keys import key_before_partitions
from user_code.shared.run_partitions import partitions_of

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


def covers(run: dg.DagsterRun, key: str) -> bool:
    """Whether `run`, by itself, does all that the alert `key` of a failed run is about."""
    before = key_before_partitions(run)
    if not key.startswith(before):
        return False
    partitions = key.removeprefix(before)
    days = _days(partitions)
    return partitions == partitions_of(run) or bool(days and days <= _days(partitions_of(run)))


def close_covered_ranges(cursor: Cursor, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Close the alerts of day ranges whose last open day `run`, a success, may have been."""
    days = _days(partitions_of(run))
    if not days:
        return
    before = key_before_partitions(run)
    cursor.execute(
        "SELECT key, facts ->> 'run_id', last_seen FROM ops.alerts"
        " WHERE state <> 'closed' AND starts_with(key, %s)",
        (before,),
    )
    for key, failed_run, last_seen in cursor.fetchall():
        wanted = _days(key.removeprefix(before))
        if wanted & days and wanted <= _succeeded(
            instance, run, _ended(instance, failed_run) or last_seen
        ):
            close_alert(cursor, key)


def _succeeded(instance: dg.DagsterInstance, like: dg.DagsterRun, since: datetime) -> set[date]:
    """The days of the same job's (or assets') runs that have ended well since."""
    runs = instance.get_runs(
        dg.RunsFilter(
            job_name=like.job_name, statuses=[dg.DagsterRunStatus.SUCCESS], updated_after=since
        )
    )
    same = key_before_partitions(like)
    found = (_days(partitions_of(run)) for run in runs if key_before_partitions(run) == same)
    return _days(partitions_of(like)).union(*found)


def _ended(instance: dg.DagsterInstance, run_id: str | None) -> datetime | None:
    record = instance.get_run_record_by_id(run_id) if run_id else None
    if record is None or record.end_time is None:
        return None
    return datetime.fromtimestamp(record.end_time, UTC)


def _days(partitions: str) -> set[date]:
    """The days of `2025-01-02` or `2025-01-02..2025-01-06`; none for keys of another form."""
    first, _, last = partitions.partition("..")
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        return set()
    return {begin + timedelta(days=number) for number in range((end - begin).days + 1)}
