"""A partition of which too many records went into quarantine opens an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from user_code.settings import settings
from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.asset_facts import asset_link, domain_and_owners
from user_code.shared.event_progress import EventProgress
from user_code.shared.publishing import Publisher

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

KIND = "quarantine.rate"
_MOST_AT_ONCE = 500


def build_quarantine_alerts(
    domain: str, asset: str, *, records: str, quarantined: str
) -> dg.SensorDefinition:
    """A sensor, RUNNING by default, over the materialisations of `asset`.

    `records` and `quarantined` name the metadata with a partition's counts. More than the share
    `ASSAY_QUARANTINE_RATE` alerts, by partition; the partition's next materialisation closes it.
    """
    key = dg.AssetKey(asset)

    @dg.sensor(
        name=f"{domain}_quarantine_alerts",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description=f"A partition of {asset} with too much in quarantine becomes an alert.",
    )
    def look(context: dg.SensorEvaluationContext, publisher: Publisher) -> dg.SensorResult:
        progress = EventProgress.from_cursor(context.cursor)
        found = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, after_storage_id=progress.read_after),
            limit=_MOST_AT_ONCE + len(progress.seen),
            ascending=True,
        ).records
        fresh = [record for record in found if progress.is_new(record.storage_id)]
        _, owners = domain_and_owners(context, [key])
        with publisher.warehouse_for_sensor.transaction() as cursor:
            for record in fresh:
                event = record.asset_materialization
                if event is not None:
                    _tell(cursor, domain, event, owners, records, quarantined)
        return dg.SensorResult(
            skip_reason=f"{len(fresh)} partitions were computed since the last look",
            cursor=progress.advanced(record.storage_id for record in fresh).to_cursor(),
        )

    return look


def _tell(
    cursor: Cursor,
    domain: str,
    event: dg.AssetMaterialization,
    owners: list[str],
    records: str,
    quarantined: str,
) -> None:
    counts = [event.metadata.get(name) for name in (records, quarantined)]
    total, rejected = (
        count.value if count is not None and isinstance(count.value, int) else None
        for count in counts
    )
    if total is None or rejected is None:  # superseded by a newer run, which says it
        return
    asset = event.asset_key.to_user_string()
    partition = event.partition or ""
    key = f"{KIND}:{asset}:{partition}"
    limit = settings().quarantine_rate
    if not total or rejected / total <= limit:
        close_alert(cursor, key)
        return
    raise_alert(
        cursor,
        key=key,
        kind=KIND,
        severity="warning",
        domain=domain,
        subject=f"{asset} {partition}: {rejected} of {total} records went into quarantine",
        facts={
            "asset": asset,
            "partition": partition,
            "records": total,
            "quarantined": rejected,
            "limit": limit,
            "owners": owners,
        },
        link=asset_link(event.asset_key),
    )
