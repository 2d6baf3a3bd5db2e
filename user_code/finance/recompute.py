"""Days that must be read again since their duplicates moved: noted by runs, asked for by a sensor.

Without it the tables would depend on the order in which files arrived.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from user_code.finance.domain.moved_duplicates import unsettled_days
from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.landing import FIRST_DAY, PlannedRun
from user_code.shared.publishing import Attempt, Publisher
from user_code.shared.store import ParquetStore
from user_code.shared.warehouse import Warehouse

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

# A day is settled by one more reading; only a race with another run asks for more.
MOST_ROUNDS = 5

_NOTE = """
INSERT INTO finance.days_to_recompute AS known (day, run_id, rounds) VALUES (%s, %s, 1)
ON CONFLICT (day) DO UPDATE SET
    run_id = excluded.run_id, loaded_at = clock_timestamp(), rounds = known.rounds + 1
"""


NOTE_AFRESH = """
INSERT INTO finance.days_to_recompute (day, run_id, rounds) VALUES (%s, %s, 1)
ON CONFLICT (day) DO UPDATE SET
    run_id = excluded.run_id, loaded_at = clock_timestamp(), rounds = 1
"""


@dataclass(frozen=True)
class NotedDay:
    """A day to read again, the run that found it out, and how often it has been noted."""

    day: date
    run_id: str
    rounds: int


def has_partition(day: date) -> bool:
    """Whether a run can be asked for the day: none of the future is in the assets' partitions."""
    return FIRST_DAY <= day <= datetime.now(UTC).date()


@contextmanager
def settling(attempt: Attempt, domain: str, asset: str, duplicates: str) -> Iterator[None]:
    """Around the publication of an attempt's days: notes which other days it has unsettled."""
    store = attempt.store
    before = _ids(store, domain, (asset, duplicates), attempt.partitions)
    yield
    touched = pl.concat([before, _ids(store, domain, (asset, duplicates), attempt.partitions)])
    unsettled = unsettled_days(
        touched,
        [store.path(domain, asset, key) for key in store.partitions(domain, asset)],
        [store.path(domain, duplicates, key) for key in store.partitions(domain, duplicates)],
    )
    note_days(attempt.warehouse, attempt.partitions, unsettled, attempt.run_id)


def _ids(
    store: ParquetStore, domain: str, assets: Collection[str], days: Collection[str]
) -> pl.DataFrame:
    frames = [pl.DataFrame(schema={"source": pl.String, "transaction_id": pl.String})]
    for asset in assets:
        present = [day for day in days if store.exists(domain, asset, day)]
        if present:
            rows = store.scan(domain, asset, present)
            frames.append(rows.select("source", "transaction_id").collect())
    return pl.concat(frames)


def note_days(
    warehouse: Warehouse, done: Collection[str], unsettled: Collection[date], run_id: str
) -> None:
    """The days that were just read are settled, but for those that are unsettled (again)."""
    open_days = {day.isoformat() for day in unsettled}
    with warehouse.transaction() as cursor:
        cursor.execute(
            "DELETE FROM finance.days_to_recompute WHERE day = ANY(%s::date[])",
            (sorted(set(done) - open_days),),
        )
        for day in sorted(open_days):
            cursor.execute(_NOTE, (day, run_id))


def note_more_days(warehouse: Warehouse, days: Collection[date], run_id: str) -> None:
    """Days to read again for another reason than their duplicates: the rounds begin anew."""
    with warehouse.transaction() as cursor:
        for day in sorted(days):
            cursor.execute(NOTE_AFRESH, (day, run_id))


def plan_runs(noted: Collection[NotedDay]) -> list[PlannedRun]:
    """One run for days that follow each other. Its key holds who noted them, so that it is new
    whenever a run has unsettled them again, and the same as long as none has."""
    groups: list[list[NotedDay]] = []
    for each in sorted(noted, key=lambda noted_day: noted_day.day):
        if groups and groups[-1][-1].day + timedelta(days=1) == each.day:
            groups[-1].append(each)
        else:
            groups.append([each])
    runs = []
    for group in groups:
        days = tuple(each.day.isoformat() for each in group)
        marks = sorted({f"{each.run_id}.{each.rounds}" for each in group})
        runs.append(PlannedRun(days, f"recompute:{days[0]}..{days[-1]}:{','.join(marks)}"))
    return runs


def build_recompute_sensor(
    name: str, domain: str, job: UnresolvedAssetJobDefinition
) -> dg.SensorDefinition:
    """A sensor, RUNNING by default, that asks `job` for the noted days."""

    @dg.sensor(
        name=name,
        job=job,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description="Days whose duplicates moved, by a late or corrected file, are read again.",
    )
    def look(publisher: Publisher) -> dg.SensorResult:
        with publisher.warehouse_for_sensor.transaction() as cursor:
            cursor.execute("SELECT day, run_id, rounds FROM finance.days_to_recompute")
            found = [NotedDay(*row) for row in cursor.fetchall()]
            noted = [each for each in found if has_partition(each.day)]
            endless = [each for each in noted if each.rounds > MOST_ROUNDS]
            _tell_endless(cursor, domain, endless)
        runs = plan_runs([each for each in noted if each.rounds <= MOST_ROUNDS])
        return dg.SensorResult(
            run_requests=[_request(run.partitions, run.run_key, run.range_tags()) for run in runs],
            skip_reason=None if runs else "all days are settled",
        )

    return look


def _tell_endless(cursor: "Cursor", domain: str, endless: list[NotedDay]) -> None:
    key = f"{domain}.unsettled"
    if not endless:
        close_alert(cursor, key)
        return
    raise_alert(
        cursor,
        key=key,
        kind=key,
        severity="error",
        domain=domain,
        subject=f"{len(endless)} days stay unsettled: materialise them by hand",
        facts={"days": [each.day.isoformat() for each in endless[:10]]},
    )


def _request(days: tuple[str, ...], run_key: str, tags: Mapping[str, str]) -> dg.RunRequest:
    if len(days) == 1:
        return dg.RunRequest(run_key=run_key, partition_key=days[0])
    return dg.RunRequest(run_key=run_key, tags=dict(tags))
