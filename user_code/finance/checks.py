"""Asset checks: the columns are those of the contracts, no record is lost, sums agree exactly."""

from datetime import date

import dagster as dg
import polars as pl

from user_code.finance.anomaly_assets import ANOMALY_ASSETS
from user_code.finance.assets import ASSETS, daily_summary, financial_transactions
from user_code.finance.control_totals import reconciliation
from user_code.finance.domain import contracts as tables
from user_code.finance.domain.records import count_records
from user_code.finance.domain.source_contract import usable_contracts
from user_code.finance.domain.summaries import disagreements
from user_code.finance.landed_days import (
    DOMAIN,
    DUPLICATES,
    TRANSACTIONS,
    files_by_day,
    files_read,
)
from user_code.finance.row_dates import files_with, touched_dates
from user_code.settings import settings
from user_code.shared.publishing import WHOLE, Publisher
from user_code.shared.store import ParquetStore

TABLE_OF = {
    name: getattr(tables, name.upper())
    for name in (asset.key.path[-1] for asset in (*ASSETS, *ANOMALY_ASSETS, reconciliation))
}


def _days(context: dg.AssetCheckExecutionContext) -> list[str]:
    """The days of this run; of an unpartitioned run (a check by itself) the newest ones."""
    run = context.op_execution_context
    return list(run.partition_keys) if run.has_partition_key_range or run.has_partition_key else []


def _schema_check(asset: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset,
        name="columns_as_in_contract",
        description="The published files have the columns and types of the table's contract.",
    )
    def columns_as_in_contract(
        context: dg.AssetCheckExecutionContext, publisher: Publisher
    ) -> dg.AssetCheckResult:
        store = publisher.store
        keys = _days(context) or store.partitions(DOMAIN, asset)[-1:] or [WHOLE]
        problems = sorted(
            {
                problem
                for key in keys
                for problem in TABLE_OF[asset].problems(
                    pl.read_parquet_schema(store.path(DOMAIN, asset, key))
                )
            }
        )
        return dg.AssetCheckResult(
            passed=not problems, metadata={"files": len(keys), "problems": problems}
        )

    return columns_as_in_contract


@dg.asset_check(
    asset=financial_transactions,
    blocking=True,
    description="records = accepted + duplicates + quarantined, counted anew in the files.",
)
def every_record_accounted_for(
    context: dg.AssetCheckExecutionContext, publisher: Publisher
) -> dg.AssetCheckResult:
    """Counts the files that were read again and compares with the rows that were published."""
    data, quarantine = publisher.store, ParquetStore(publisher.base / "quarantine")
    days = _days(context) or data.partitions(DOMAIN, TRANSACTIONS)[-1:]
    landing = settings().landing
    landed = files_by_day(landing)
    totals = {"records": 0, "accepted": 0, "duplicates": 0, "quarantined": 0}
    wrong = []
    for day in days:
        # A file that arrived since isn't lost: the next run reads it.
        read = files_read(data, landing, day)
        files = landed.get(date.fromisoformat(day), []) if read is None else read
        sources = {file.source for file in files}
        forms, _ = usable_contracts(settings().contracts, sources)
        records = sum(count_records(file.path, forms.get(file.source)) for file in files)
        accepted = _rows(data, TRANSACTIONS, day)
        duplicates = _rows(data, DUPLICATES, day)
        quarantined = sum(_rows(quarantine, source, day) for source in sources)
        for name, count in zip(totals, (records, accepted, duplicates, quarantined), strict=True):
            totals[name] += count
        if records != accepted + duplicates + quarantined:
            wrong.append(day)
    return dg.AssetCheckResult(
        passed=not wrong,
        description=(
            f"records are missing or counted twice on {', '.join(wrong[:10])}; if a file was "
            "replaced during the run, the next run puts it right"
            if wrong
            else None
        ),
        metadata={**totals, "days": len(days), "wrong_days": wrong[:100]},
    )


@dg.asset_check(
    asset=daily_summary,
    blocking=True,
    description="Sums and counts of the summary equal those of the transactions, to the digit.",
)
def sums_equal_transactions(
    context: dg.AssetCheckExecutionContext, publisher: Publisher
) -> dg.AssetCheckResult:
    """DuckDB sums the published transactions; the summary's rows must say the same."""
    store = publisher.store
    days = _days(context) or store.partitions(DOMAIN, TRANSACTIONS)[-1:]
    dates = touched_dates(store, DOMAIN, TRANSACTIONS, days)
    wrong = disagreements(
        files_with(store, DOMAIN, TRANSACTIONS, dates),
        [
            store.path(DOMAIN, "daily_summary", day.isoformat())
            for day in dates
            if store.exists(DOMAIN, "daily_summary", day.isoformat())
        ],
        dates,
    )
    return dg.AssetCheckResult(
        passed=wrong == 0, metadata={"days": len(dates), "rows_that_differ": wrong}
    )


def _rows(store: ParquetStore, asset: str, day: str) -> int:
    if not store.exists(DOMAIN, asset, day):
        return 0
    return int(store.scan(DOMAIN, asset, [day]).select(pl.len()).collect().item())


CHECKS = [
    every_record_accounted_for,
    sums_equal_transactions,
    *(_schema_check(asset) for asset in TABLE_OF),
]
