"""A feed whose newest day has too few rows, or far from the usual number, opens an alert."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import TYPE_CHECKING

import dagster as dg

from user_code.settings import settings
from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.asset_facts import asset_link
from user_code.shared.publishing import Publisher

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

# Days of history that a day is compared with, and how many of its weekday are enough to use
# only those: feeds have weekends.
_HISTORY_DAYS = 56
_ENOUGH_DAYS = 7
_ENOUGH_WEEKDAYS = 4
# Far is: more than so many robust standard deviations AND more than this share of the median.
_FAR_DEVIATIONS = 5
_FAR_SHARE = 0.3
# Robust standard deviation of a normal sample = 1.4826 × median absolute deviation.
_MAD_TO_DEVIATION = 1.4826
# Partitions of one run commit one after the other; half a load would look like a fault.
_QUIET_SECONDS = 30


@dataclass(frozen=True)
class CountFinding:
    """What is wrong with a feed's newest day. `usual` is the median of days to compare with."""

    day: date
    rows: int
    reason: str
    usual: float | None


def judge_counts(counts: Mapping[date, int], floor: int) -> CountFinding | None:
    """Judge the newest day of one feed, whose rows per day are `counts`; None if it is plausible.

    Too few: below `floor` rows. Far from its history: from the median of the same weekday in the
    eight weeks before (of all days, if fewer than four of them are known).
    """
    if not counts:
        return None
    day = max(counts)
    rows = counts[day]
    usual = None
    before = _comparable(counts, day)
    if before:
        usual = median(before)
        deviation = _MAD_TO_DEVIATION * median(abs(count - usual) for count in before)
        if abs(rows - usual) > max(_FAR_DEVIATIONS * deviation, _FAR_SHARE * usual):
            return CountFinding(day, rows, "far from its history", usual)
    if rows < floor:
        return CountFinding(day, rows, "below the floor", usual)
    return None


def _comparable(counts: Mapping[date, int], day: date) -> Sequence[int]:
    before = {
        other: count for other, count in counts.items() if 0 < (day - other).days <= _HISTORY_DAYS
    }
    same = [count for other, count in before.items() if other.weekday() == day.weekday()]
    if len(same) >= _ENOUGH_WEEKDAYS:
        return same
    return list(before.values()) if len(before) >= _ENOUGH_DAYS else []


def no_own_floors(_: Collection[str]) -> Mapping[str, int]:
    """No feed has a floor of its own."""
    return {}


def build_count_alerts(
    domain: str,
    asset: str,
    counts_sql: str,
    own_floors: Callable[[Collection[str]], Mapping[str, int]] = no_own_floors,
) -> dg.SensorDefinition:
    """A sensor, RUNNING by default, that judges the newest day of each feed of `asset`.

    `counts_sql` gives rows (feed text, day date, rows bigint) from the warehouse. It is asked
    whenever partitions of `asset` have been committed and none is being committed any more. The
    floor is what `own_floors` says of these feeds, else `ASSAY_COUNT_FLOOR`. One alert per feed; a
    plausible newest day closes it.
    """

    @dg.sensor(
        name=f"{domain}_count_alerts",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description=f"Row counts of the newest day in {asset}: too few, or far from usual, alert.",
    )
    def look(context: dg.SensorEvaluationContext, publisher: Publisher) -> dg.SensorResult:
        everybodys = settings().count_floor
        with publisher.warehouse_for_sensor.transaction() as cursor:
            cursor.execute(
                "SELECT max(committed_at)::text,"
                " max(committed_at) < clock_timestamp() - make_interval(secs => %s)"
                " FROM ops.partition_commits WHERE asset = %s",
                (_QUIET_SECONDS, asset),
            )
            newest, quiet = cursor.fetchone() or (None, None)
            if newest is None or not quiet or newest == context.cursor:
                return dg.SensorResult(skip_reason=f"nothing new in {asset}, or still coming in")
            cursor.execute(counts_sql)
            feeds: dict[str, dict[date, int]] = {}
            for feed, day, rows in cursor.fetchall():
                feeds.setdefault(feed, {})[day] = int(rows)
            own = own_floors(feeds)
            for feed, counts in feeds.items():
                floor = own.get(feed, everybodys)
                _tell(cursor, domain, asset, feed, judge_counts(counts, floor), floor)
        return dg.SensorResult(skip_reason=f"judged {len(feeds)} feeds", cursor=newest)

    return look


def _tell(
    cursor: Cursor, domain: str, asset: str, feed: str, finding: CountFinding | None, floor: int
) -> None:
    key = f"rows.unusual:{domain}:{feed}"
    if finding is None:
        close_alert(cursor, key)
        return
    usual = None if finding.usual is None else round(finding.usual)
    raise_alert(
        cursor,
        key=key,
        kind="rows.unusual",
        severity="warning",
        domain=domain,
        subject=f"{feed}: {finding.rows} rows on {finding.day}, {finding.reason}",
        facts={
            "asset": asset,
            "feed": feed,
            "day": finding.day.isoformat(),
            "rows": finding.rows,
            "reason": finding.reason,
            "usual_rows": usual,
            "floor": floor,
        },
        link=asset_link(dg.AssetKey(asset)),
    )
