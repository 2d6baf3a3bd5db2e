"""The financial assets: each reads, calls the domain, and publishes with its facts."""

import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg

from user_code.finance.domain.plots import plot_daily_totals
from user_code.finance.domain.summaries import (
    category_statistics as statistics_by_category,
)
from user_code.finance.domain.summaries import gather_history, of_date, summarise_by_day
from user_code.finance.landed_days import DOMAIN, TRANSACTIONS, ingest_days
from user_code.finance.published_facts import tell_published
from user_code.finance.row_dates import files_with, touched_dates
from user_code.finance.wide_freshness import wide_freshness
from user_code.settings import settings
from user_code.shared.publishing import Attempt, Publisher
from user_code.shared.run_facts import plot_metadata

DAYS = dg.DailyPartitionsDefinition(start_date="2000-01-01", end_offset=1)

OWNERS = ["team:finance"]
ONE_RUN = dg.BackfillPolicy.single_run()

# Once whatever runs on daily_summary is through, and again for each later change of it: one run
# for all of them. Missing days are normal here, so that eager(), which waits for them, never fires.
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
    tell_published(context, attempt.partitions, published, begin, facts)


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="2",
    partitions_def=DAYS,
    backfill_policy=ONE_RUN,
    deps=[financial_transactions],
    freshness_policy=wide_freshness(),
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
    tell_published(context, run.partitions, published, begin, counts)


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
    tell_published(context, run.partitions, published, begin)


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="1",
    deps=[daily_summary],
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
    tell_published(context, attempt.partitions, published, begin, {"all": {"daily_totals": plot}})


ASSETS = [
    financial_transactions,
    daily_summary,
    category_statistics,
    historical_data,
]
