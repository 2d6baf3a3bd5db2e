"""The asset `exchange_rates`: fetched daily where an address is configured."""

import time
from datetime import date, timedelta

import dagster as dg
import polars as pl

from user_code.finance.assets import OWNERS, financial_transactions
from user_code.finance.domain.base_amounts import (
    OLDEST_DAYS,
    RatesRefused,
    improved_dates,
    merge_rates,
    parse_rates,
)
from user_code.finance.landed_days import DOMAIN, TRANSACTIONS, known_rates
from user_code.finance.rates_download import LastingFault, download
from user_code.finance.recompute import note_more_days
from user_code.settings import settings
from user_code.shared.permanent import fail_permanently
from user_code.shared.publishing import WHOLE, Attempt, Publisher
from user_code.shared.run_facts import materialization_metadata

_LONGEST_WINDOW = timedelta(days=366)


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="1",
    kinds={"polars", "parquet", "postgres"},
    retry_policy=dg.RetryPolicy(
        max_retries=5, delay=1, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
    ),
    description=(
        "Daily reference rates, units of a currency for one euro, from ASSAY_RATES_URL. Where that "
        "is empty nothing is scheduled, and amounts in other currencies have no amount_base."
    ),
)
def exchange_rates(context: dg.AssetExecutionContext, publisher: Publisher) -> None:
    """ECB's XML → tables.EXCHANGE_RATES, with all that was fetched before.

    What passes (no answer, 5xx, a body cut short) is tried again, later each time; what doesn't
    (4xx, a redirect, another form) fails the run at once.
    """
    begin = time.monotonic()
    here = settings()
    if not here.rates_url:
        fail_permanently(context, "ASSAY_RATES_URL is empty: set it in .env, then make up")
    try:
        fetched = parse_rates(download(here.rates_url))
    except LastingFault as error:
        fail_permanently(context, f"exchange rates: {error}")
    except RatesRefused as error:
        fail_permanently(
            context, f"exchange rates: what ASSAY_RATES_URL serves is refused: {error}"
        )
    with publisher.attempt(context, DOMAIN, "exchange_rates") as attempt:
        rates = merge_rates(known_rates(attempt.store), fetched)
        published = attempt.publish({WHOLE: rates}, table="finance.exchange_rates")
        days = _days_that_gain(attempt, rates, here.base_currency)
        note_more_days(attempt.warehouse, days, attempt.run_id)
    extra = {
        "fetched_rates": fetched.height,
        "newest": str(fetched.get_column("date").max()),
        "days_to_recompute": len(days),
    }
    context.add_output_metadata(
        materialization_metadata(published[WHOLE], seconds=time.monotonic() - begin, extra=extra)
    )


def _days_that_gain(attempt: Attempt, rates: pl.DataFrame, base: str) -> list[date]:
    """File days of which an amount has no rate, or an older one than is known now."""
    dates = rates.get_column("date")
    first, last = dates.min(), dates.max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    reach = (last + timedelta(days=OLDEST_DAYS) + _LONGEST_WINDOW).isoformat()
    store = attempt.store
    days = [
        key for key in store.partitions(DOMAIN, TRANSACTIONS) if first.isoformat() <= key <= reach
    ]
    if not days:
        return []
    rows = store.scan(DOMAIN, TRANSACTIONS, days)
    if "rate_date" not in rows.collect_schema():
        rows = rows.with_columns(pl.lit(None, dtype=pl.Date).alias("rate_date"))
    found = improved_dates(rows.select("file_date", "date", "currency", "rate_date"), rates, base)
    return found.get_column("file_date").to_list()


exchange_rates_job = dg.define_asset_job(
    # An asset and a job cannot share a name.
    "fetch_exchange_rates",
    selection=dg.AssetSelection.assets(exchange_rates),
    tags={"assay/network": "outside"},
    description=(
        "Fetches exchange rates, on working days at 16:30 Frankfurt time; not scheduled while "
        "ASSAY_RATES_URL is empty."
    ),
)


def rates_schedules() -> list[dg.ScheduleDefinition]:
    """The daily fetch, RUNNING; none where no address is configured."""
    if not settings().rates_url:
        return []
    return [
        dg.ScheduleDefinition(
            name="exchange_rates_daily",
            job=exchange_rates_job,
            # The European Central Bank publishes at about 16:00.
            cron_schedule="30 16 * * 1-5",
            execution_timezone="Europe/Berlin",
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    ]


@dg.asset_check(
    asset=financial_transactions,
    description="Each amount of the newest day has a rate of its date or the seven days before.",
)
def every_amount_has_a_rate(
    context: dg.AssetCheckExecutionContext, publisher: Publisher
) -> dg.AssetCheckResult:
    """Counts the rows without `amount_base`, by currency; a warning, as a rate may come later."""
    store = publisher.store
    run = context.op_execution_context
    partitioned = run.has_partition_key_range or run.has_partition_key
    days = list(run.partition_keys) if partitioned else store.partitions(DOMAIN, TRANSACTIONS)[-1:]
    lacking: dict[str, int] = {}
    if days:
        rows = store.scan(DOMAIN, TRANSACTIONS, days).filter(pl.col("amount_base").is_null())
        lacking = dict(rows.group_by("currency").len().sort("currency").collect().iter_rows())
    told = bool(settings().rates_url)
    return dg.AssetCheckResult(
        passed=not lacking or not told,
        severity=dg.AssetCheckSeverity.WARN,
        description=None if told else "ASSAY_RATES_URL is empty: no rates are fetched",
        metadata={"rows_without_rate": sum(lacking.values()), "by_currency": lacking},
    )
