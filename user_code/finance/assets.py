"""The financial assets: each reads, calls the domain, and publishes with its facts."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from user_code.finance.anomaly_alerts import earlier_findings, tell_anomalies
from user_code.finance.domain import contracts as tables
from user_code.finance.domain.anomalies import DetectorSettings, flag_unusual_days
from user_code.finance.domain.plots import plot_daily_totals
from user_code.finance.domain.summaries import (
    category_statistics as statistics_by_category,
)
from user_code.finance.domain.summaries import gather_history, of_date, summarise_by_day
from user_code.finance.landed_days import DOMAIN, TRANSACTIONS, ingest_days
from user_code.finance.row_dates import files_with, touched_dates
from user_code.settings import settings
from user_code.shared.publishing import Attempt, PublishedFacts, Publisher
from user_code.shared.run_facts import materialization_metadata, plot_metadata

DAYS = dg.DailyPartitionsDefinition(start_date="2000-01-01", end_offset=1)

OWNERS = ["team:finance"]
ONE_RUN = dg.BackfillPolicy.single_run()
# Feeds come every day, or every working day: four days are a long weekend and no more.
DAILY_DATA = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=4), warn_window=timedelta(hours=30)
)

# Once whatever runs on daily_summary is through, and again for each later change of it: one run
# for both assets. Missing days are normal here, so that eager(), which waits for them, never fires.
ON_NEW_DAYS = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("on_new_days")


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="1",
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    kinds={"polars", "parquet", "postgres"},
    description=(
        "Every accepted transaction of a day's files, all sources. Partition: the date in the "
        "file's name. Records that are no transactions are in the quarantine, with reasons."
    ),
)
def financial_transactions(context: dg.AssetExecutionContext, publisher: Publisher) -> None:
    """Landing zone → tables.FINANCIAL_TRANSACTIONS, one file per day."""
    begin = time.monotonic()
    here = settings()
    with publisher.attempt(context, DOMAIN, "financial_transactions") as attempt:
        published, facts = ingest_days(
            attempt,
            publisher.base,
            landing=here.landing,
            contracts=here.contracts,
            settle_seconds=here.settle_seconds,
            base_currency=here.base_currency,
        )
    _tell(context, attempt.partitions, published, begin, facts)


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="2",
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    deps=[financial_transactions],
    kinds={"duckdb", "parquet", "postgres"},
    description=(
        "Total, count, median and share of each category of a booking date, by source and "
        "currency: exact decimals of all files that have rows of it."
    ),
)
def daily_summary(context: dg.AssetExecutionContext, publisher: Publisher) -> None:
    """tables.FINANCIAL_TRANSACTIONS → tables.DAILY_SUMMARY of all dates that the files touch."""
    begin = time.monotonic()
    with publisher.attempt(context, DOMAIN, "daily_summary") as run:
        dates, files = _dates_and_files(run)
        found = summarise_by_day(files, dates[0], dates[-1])
        attempt = replace(run, partitions=[day.isoformat() for day in dates])
        published = attempt.publish(
            {day.isoformat(): of_date(found, day) for day in dates},
            table="finance.daily_summary",
            partition_column="date",
        )
    counts = {
        day: {
            "transactions": int(
                found.filter(date=date.fromisoformat(day))["transaction_count"].sum()
            )
        }
        for day in published
    }
    _tell(context, run.partitions, published, begin, counts)


def _dates_and_files(attempt: Attempt) -> tuple[list[date], list[Path]]:
    """The dates that the files of the run's days touch, those days included, and all their files.

    Read once the attempt has begun: of two at a time the one that began later sees both's files,
    and the fence keeps its result.
    """
    dates = touched_dates(attempt.store, DOMAIN, TRANSACTIONS, attempt.partitions)
    return dates, files_with(attempt.store, DOMAIN, TRANSACTIONS, dates)


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="2",
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    deps=[financial_transactions],
    kinds={"duckdb", "parquet", "postgres"},
    description=(
        "Count, average, median, total and share of each category of a booking date, by currency."
    ),
)
def category_statistics(context: dg.AssetExecutionContext, publisher: Publisher) -> None:
    """The Parquet files of financial_transactions → tables.CATEGORY_STATISTICS, by DuckDB."""
    begin = time.monotonic()
    with publisher.attempt(context, DOMAIN, "category_statistics") as run:
        dates, files = _dates_and_files(run)
        found = statistics_by_category(files, dates[0], dates[-1])
        attempt = replace(run, partitions=[day.isoformat() for day in dates])
        published = attempt.publish(
            {day.isoformat(): of_date(found, day) for day in dates},
            table="finance.category_statistics",
            partition_column="date",
        )
    _tell(context, run.partitions, published, begin)


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="1",
    deps=[daily_summary],
    freshness_policy=DAILY_DATA,
    automation_condition=ON_NEW_DAYS,
    kinds={"polars", "parquet", "postgres"},
    description="All daily summaries: one row per booking date, source and currency.",
)
def historical_data(context: dg.AssetExecutionContext, publisher: Publisher) -> None:
    """tables.DAILY_SUMMARY of all days → tables.HISTORICAL_DATA."""
    begin = time.monotonic()
    with publisher.attempt(context, DOMAIN, "historical_data") as attempt:
        history = gather_history(attempt.scan(DOMAIN, "daily_summary"))
        published = attempt.publish({"all": history}, table="finance.historical_data")
    plot = plot_metadata(plot_daily_totals(history))
    _tell(context, attempt.partitions, published, begin, {"all": {"daily_totals": plot}})


class AnomalyConfig(dg.Config):
    """When a day is worth a person's time."""

    threshold: float = Field(
        default=DetectorSettings.threshold,
        gt=0,
        description="Robust standard deviations from what the weekday had before.",
    )
    weeks: int = Field(
        default=DetectorSettings.weeks,
        ge=1,
        le=520,
        description="How many earlier days of the same weekday say what to expect.",
    )
    least_history: int = Field(
        default=DetectorSettings.least_history,
        ge=1,
        description="With fewer earlier days of the weekday nothing is said.",
    )
    alert_days: int = Field(
        default=180,
        ge=0,
        description="Findings older than so many days before the newest raise no alert.",
    )


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="1",
    deps=[historical_data],
    freshness_policy=DAILY_DATA,
    automation_condition=ON_NEW_DAYS,
    kinds={"polars", "parquet", "postgres"},
    description=(
        "Days whose total, count or absence is far from the same weekdays before: what is wrong, "
        "how far, and what it looks like. New findings raise alerts."
    ),
)
def anomaly_detection(
    context: dg.AssetExecutionContext, publisher: Publisher, config: AnomalyConfig
) -> None:
    """tables.HISTORICAL_DATA → tables.ANOMALY_DETECTION."""
    begin = time.monotonic()
    how = DetectorSettings(config.threshold, config.weeks, config.least_history)
    with publisher.attempt(context, DOMAIN, "anomaly_detection") as attempt:
        history = attempt.scan(DOMAIN, "historical_data").collect()
        findings = flag_unusual_days(history, how)
        # Before they are published: a crash in between tells twice, which the key absorbs.
        told = tell_anomalies(
            attempt.warehouse,
            findings,
            earlier_findings(attempt.store),
            newest=history.get_column("date").max(),
            days=config.alert_days,
            link=f"{settings().ui_url}/assets/anomaly_detection",
        )
        published = attempt.publish({"all": findings}, table="finance.anomaly_detection")
    plot = plot_metadata(plot_daily_totals(history, findings))
    kinds = dict(findings.group_by("kind").len().sort("kind").iter_rows())
    facts = {"new_alerts": told, "findings_by_kind": kinds, "flagged_days": plot}
    _tell(context, attempt.partitions, published, begin, {"all": facts})


def _tell(
    context: dg.AssetExecutionContext,
    partitions: Sequence[str],
    published: Mapping[str, PublishedFacts],
    begin: float,
    extra: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Metadata on each partition's materialisation: counts and names, never rows.

    Dagster records a materialisation for each of the run's partitions, also for one that a newer
    run has published meanwhile: those say so, and how many they are.
    """
    seconds = (time.monotonic() - begin) / max(len(published), 1)
    superseded = sorted(set(partitions) - set(published))
    count = {"superseded_partitions": len(superseded)} if superseded else {}
    for key, facts in published.items():
        metadata = materialization_metadata(
            facts, seconds=seconds, extra={**(extra or {}).get(key, {}), **count}
        )
        if key not in partitions:
            # Another date that the run's files have rows of.
            context.log_event(
                dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata)
            )
        elif len(partitions) == 1:
            context.add_output_metadata(metadata)
        else:
            context.add_asset_metadata(metadata, partition_key=key)
    for key in superseded:
        context.add_asset_metadata({"superseded": True, **count}, partition_key=key)


ASSETS = [
    financial_transactions,
    daily_summary,
    category_statistics,
    historical_data,
    anomaly_detection,
]

TABLE_OF = {asset.key.path[-1]: getattr(tables, asset.key.path[-1].upper()) for asset in ASSETS}
