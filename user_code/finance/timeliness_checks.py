"""Checks on schedule: have the feeds come, and are the results soon behind what came?

They run by the clock and not after an asset, as what they look for is that nothing happened.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg

from user_code.finance.anomaly_assets import anomaly_detection
from user_code.finance.assets import daily_summary, financial_transactions
from user_code.finance.domain.feed_files import FeedFile
from user_code.finance.domain.source_contract import usable_contracts
from user_code.finance.domain.timeliness import LateFile, days_behind, late_files
from user_code.finance.landed_days import DOMAIN, TRANSACTIONS, files_by_day, files_read
from user_code.finance.recompute import has_partition
from user_code.settings import settings
from user_code.shared.asset_facts import asset_link
from user_code.shared.check_alerts import TOLD_AS
from user_code.shared.publishing import WHOLE, Publisher
from user_code.shared.standing_alerts import Finding, bring_up_to_date
from user_code.shared.store import ParquetStore
from user_code.shared.warehouse import Warehouse

FEED_LATE = "finance.feed_late"


@dg.asset_check(
    asset=financial_transactions,
    description=(
        "Each source's file has come by the time that its contract names (`arrival`), on each of "
        "its business days. One alert for each source that is late."
    ),
)
def feed_arrived(publisher: Publisher) -> dg.AssetCheckResult:
    """Compares the landing zone with the contracts; sources without an arrival are not judged."""
    here = settings()
    landed: dict[str, set[date]] = {}
    for day, files in files_by_day(here.landing).items():
        for file in files:
            landed.setdefault(file.source, set()).add(day)
    named = {path.stem for path in here.contracts.glob("*.yaml")}
    # A contract that cannot be used has an alert of its own as soon as a file comes.
    contracts, _ = usable_contracts(here.contracts, named)
    late = late_files(contracts, landed, datetime.now(UTC))
    by_source: dict[str, list[LateFile]] = {}
    for each in late:
        by_source.setdefault(each.source, []).append(each)
    link = asset_link(dg.AssetKey(TRANSACTIONS), "checks")
    with publisher.warehouse.transaction() as cursor:
        told = [_late(source, missing, link) for source, missing in by_source.items()]
        bring_up_to_date(cursor, [FEED_LATE], told)
    expected = sorted(source for source, form in contracts.items() if form.arrival)
    return dg.AssetCheckResult(
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(_words(source, missing) for source, missing in by_source.items())
        or (None if expected else "no contract names an arrival"),
        metadata={
            "sources_with_an_arrival": expected,
            "late_sources": sorted(by_source),
            "late_files": len(late),
            TOLD_AS: FEED_LATE,
        },
    )


def _words(source: str, missing: list[LateFile]) -> str:
    first = missing[0]
    more = f", and {len(missing) - 1} later days" if missing[1:] else ""
    return f"{source}: the file of {first.day} was due at {first.due:%Y-%m-%d %H:%M %Z}{more}"


def _late(source: str, missing: list[LateFile], link: str) -> Finding:
    return Finding(
        key=f"{FEED_LATE}:{source}",
        kind=FEED_LATE,
        severity="error",
        domain=DOMAIN,
        subject=_words(source, missing),
        facts={
            "source": source,
            "days": [each.day.isoformat() for each in missing],
            "due": missing[0].due.isoformat(),
        },
        link=link,
    )


@dg.asset_check(
    asset=daily_summary,
    description="No landed file waits longer than ASSAY_BEHIND_MINUTES for its day's summary.",
)
def summaries_keep_up(publisher: Publisher) -> dg.AssetCheckResult:
    """Compares when files came with when the runs began that summarised their days."""
    here = settings()
    begun = {
        date.fromisoformat(day): when
        for day, when in _begun(publisher.warehouse, "daily_summary").items()
    }
    arrived = {
        day: _arrived(publisher.store, here.landing, day, files, begun.get(day))
        for day, files in files_by_day(here.landing).items()
        if has_partition(day)
    }
    behind = days_behind(arrived, begun, datetime.now(UTC), timedelta(minutes=here.behind_minutes))
    return dg.AssetCheckResult(
        passed=not behind,
        description=f"{len(behind)} days wait for their summary" if behind else None,
        metadata={
            "days_behind": [day.isoformat() for day in behind[:100]],
            "minutes_allowed": here.behind_minutes,
        },
    )


@dg.asset_check(
    asset=anomaly_detection,
    description="No daily summary waits longer than ASSAY_BEHIND_MINUTES to be judged.",
)
def detection_keeps_up(publisher: Publisher) -> dg.AssetCheckResult:
    """Compares when summaries were committed with when the last detection began."""
    limit = timedelta(minutes=settings().behind_minutes)
    with publisher.warehouse.transaction() as cursor:
        cursor.execute(
            "SELECT count(*), min(committed_at) FROM ops.partition_commits"
            " WHERE asset = 'daily_summary' AND committed_at < clock_timestamp() - %s"
            " AND committed_at > coalesce((SELECT started_at FROM ops.partition_commits"
            " WHERE asset = 'anomaly_detection' AND partition = %s AND committed_at IS NOT NULL),"
            " '-infinity')",
            (limit, WHOLE),
        )
        waiting, since = cursor.fetchone() or (0, None)
    return dg.AssetCheckResult(
        passed=not waiting,
        description=f"{waiting} summaries wait to be judged, since {since:%Y-%m-%d %H:%M %Z}"
        if waiting
        else None,
        metadata={"summaries_waiting": waiting, "minutes_allowed": settings().behind_minutes},
    )


def _begun(warehouse: Warehouse, asset: str) -> dict[str, datetime]:
    """When the run began that committed each partition."""
    with warehouse.transaction() as cursor:
        cursor.execute(
            "SELECT partition, started_at FROM ops.partition_commits"
            " WHERE asset = %s AND committed_at IS NOT NULL",
            (asset,),
        )
        return dict(cursor.fetchall())


def _arrived(
    store: ParquetStore,
    landing: Path,
    day: date,
    files: list[FeedFile],
    begun: datetime | None,
) -> datetime:
    """When the newest of a day's files came.

    A file that the day's run has read came when its content changed last: a copy of the landing
    zone that was put back later is no new input. Of another, the time at which it was put there
    counts, as a copy may keep an old time of change.
    """
    times = {file: file.path.stat() for file in files}
    newest = max(max(each.st_ctime, each.st_mtime) for each in times.values())
    if begun is None or newest <= begun.timestamp():
        return datetime.fromtimestamp(newest, UTC)
    key = day.isoformat()
    read = files_read(store, landing, key) if store.exists(DOMAIN, TRANSACTIONS, key) else None
    known = {file.relative for file in read or ()}
    return datetime.fromtimestamp(
        max(
            each.st_mtime if file.relative in known else max(each.st_ctime, each.st_mtime)
            for file, each in times.items()
        ),
        UTC,
    )


TIMELINESS_CHECKS = [feed_arrived, summaries_keep_up, detection_keeps_up]

finance_timeliness = dg.define_asset_job(
    "finance_timeliness",
    selection=dg.AssetSelection.checks(*TIMELINESS_CHECKS),
    description="Have the feeds come, and are the results soon behind them? Every 15 minutes.",
)

timeliness_schedule = dg.ScheduleDefinition(
    name="finance_timeliness_schedule",
    job=finance_timeliness,
    cron_schedule="*/15 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
