"""The asset `reconciliation`: do a feed's amounts add up to the totals that it states itself?"""

import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl

from user_code.finance.assets import ON_NEW_DAYS, OWNERS, daily_summary, financial_transactions
from user_code.finance.domain.contracts import FINANCIAL_TRANSACTIONS
from user_code.finance.domain.month_to_date import reconcile
from user_code.finance.domain.source_contract import usable_contracts
from user_code.finance.landed_days import DOMAIN, TRANSACTIONS
from user_code.finance.published_facts import tell_published
from user_code.settings import settings
from user_code.shared.asset_facts import asset_link
from user_code.shared.publishing import WHOLE, Publisher
from user_code.shared.standing_alerts import Finding, bring_up_to_date

KIND = "finance.control_totals"
# Loading years of history alarms nobody about its first.
_ALERT_DAYS = timedelta(days=30)
_MOST_LINES = 5


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="1",
    # The summaries' table is not read: with it this waits for the whole run of a day.
    deps=[financial_transactions, daily_summary],
    automation_condition=ON_NEW_DAYS,
    kinds={"polars", "parquet", "postgres"},
    description=(
        "Lines whose amount of a date and month-to-date total of the source's day before don't "
        "give the total that the feed states. Sources whose contract names `control_totals`."
    ),
)
def reconciliation(context: dg.AssetExecutionContext, publisher: Publisher) -> None:
    """tables.FINANCIAL_TRANSACTIONS of all days → tables.RECONCILIATION."""
    begin = time.monotonic()
    tolerances = _tolerances(settings().contracts)
    with publisher.attempt(context, DOMAIN, "reconciliation") as attempt:
        days = attempt.store.partitions(DOMAIN, TRANSACTIONS) if tolerances else []
        rows = (
            attempt.store.scan(DOMAIN, TRANSACTIONS, days)
            if days
            else FINANCIAL_TRANSACTIONS.empty().lazy()
        )
        if "month_to_date" not in rows.collect_schema():  # all from before there were such totals
            rows = FINANCIAL_TRANSACTIONS.empty().lazy()
        differences, line_days = reconcile(rows, tolerances)
        with attempt.warehouse.transaction() as cursor:
            bring_up_to_date(cursor, [KIND], _alerts(differences))
        published = attempt.publish({WHOLE: differences}, table="finance.reconciliation")
    facts = {
        "sources_with_control_totals": sorted(tolerances),
        "line_days": line_days,
        "line_days_that_differ": differences.height,
    }
    tell_published(context, attempt.partitions, published, begin, {WHOLE: facts})


def _tolerances(contracts: Path) -> dict[str, Decimal]:
    """Sources that state control totals, and up to what a difference is none."""
    forms, _ = usable_contracts(contracts, {path.stem for path in contracts.glob("*.yaml")})
    return {
        source: form.control_totals.tolerance
        for source, form in forms.items()
        if form.control_totals is not None
    }


def _alerts(differences: pl.DataFrame) -> list[Finding]:
    """One for each source, currency and date of the last month that has differences."""
    newest = differences.get_column("date").max()
    if not isinstance(newest, date):
        return []
    recent = differences.filter(pl.col("date") > newest - _ALERT_DAYS)
    return [
        _alert(str(source), str(currency), str(day), lines.get_column("line").to_list())
        for (source, currency, day), lines in recent.group_by(
            "source", "currency", "date", maintain_order=True
        )
    ]


def _alert(source: str, currency: str, day: str, lines: list[str]) -> Finding:
    count = "1 line doesn't" if len(lines) == 1 else f"{len(lines)} lines don't"
    return Finding(
        key=f"{KIND}:{source}:{currency}:{day}",
        kind=KIND,
        severity="error",
        domain=DOMAIN,
        subject=f"{source}, {currency}, {day}: {count} add up to the month to date",
        facts={
            "source": source,
            "currency": currency,
            "date": day,
            "lines": len(lines),
            "first_lines": lines[:_MOST_LINES],
        },
        link=asset_link(dg.AssetKey("reconciliation")),
    )
