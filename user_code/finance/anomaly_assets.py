"""The assets that say which days are unlike what was to be expected, and what was."""

import os
import time
from datetime import date
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from user_code.finance.anomaly_alerts import earlier_findings, tell_anomalies
from user_code.finance.assets import ON_NEW_DAYS, OWNERS, daily_summary, historical_data
from user_code.finance.domain.anomalies import DetectorSettings
from user_code.finance.domain.finding_plots import plot_against_expected, plot_contributions
from user_code.finance.domain.lines_table import MARKED_DAYS, as_marked_days
from user_code.finance.domain.totals_table import TableRefused, read_table
from user_code.finance.landed_days import DOMAIN
from user_code.finance.published_facts import tell_published
from user_code.finance.source_reports import report_links, stage_reports
from user_code.finance.wide_freshness import wide_freshness
from user_code.settings import settings
from user_code.shared.permanent import fail_permanently
from user_code.shared.publishing import WHOLE, Publisher
from user_code.shared.run_facts import plot_metadata

# Thousands of small equations: threads that wait for each other cost more than they bring. To be
# set before NumPy is loaded, which the assets do when they run.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

MARKS_FILE = "incidents.csv"


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="1",
    deps=[daily_summary],
    automation_condition=ON_NEW_DAYS,
    kinds={"numpy", "parquet", "postgres"},
    description=(
        "What was to be expected of each category of a source on each date, one step ahead, and "
        "how far it strays. Days that contracts.d/incidents.csv marks as incidents teach nothing."
    ),
)
def anomaly_model(context: dg.AssetExecutionContext, publisher: Publisher) -> None:
    """tables.DAILY_SUMMARY of all dates → tables.ANOMALY_MODEL."""
    from user_code.finance.domain.fitted_lines import backtest, fit_model
    from user_code.finance.domain.line_expectations import PARAMETERS

    begin = time.monotonic()
    incidents = _incidents(_marked_days(context))
    with publisher.attempt(context, DOMAIN, "anomaly_model") as attempt:
        # Rows without a category are of files that were written before there were categories.
        summaries = attempt.scan(DOMAIN, "daily_summary").filter(pl.col("category").is_not_null())
        model = fit_model(summaries.collect(), incidents)
        published = attempt.publish({WHOLE: model}, table="finance.anomaly_model")
    dates = model.get_column("date").dt.to_string("%Y-%m-%d")
    facts: dict[str, Any] = {
        "parameters": PARAMETERS,
        "training_window": f"{dates.min()!s} to {dates.max()!s}" if model.height else "no days",
        "incidents": len(incidents),
        "backtest": _table(backtest(model, incidents)),
    }
    tell_published(context, attempt.partitions, published, begin, {WHOLE: facts})


class AnomalyConfig(dg.Config):
    """When a day is worth a person's time. Lines learn their limits from their own past."""

    threshold: float = Field(
        default=DetectorSettings.threshold,
        gt=0,
        description="Totals: robust standard deviations from what the weekday had before.",
    )
    weeks: int = Field(
        default=DetectorSettings.weeks,
        ge=1,
        le=520,
        description="Totals: how many earlier days of the same weekday say what to expect.",
    )
    least_history: int = Field(
        default=DetectorSettings.least_history,
        ge=1,
        description="Totals: with fewer earlier days of the weekday nothing is said.",
    )
    alert_days: int = Field(
        default=180,
        ge=0,
        description="Findings older than so many days before the newest raise no alert.",
    )


@dg.asset(
    group_name=DOMAIN,
    owners=OWNERS,
    code_version="2",
    deps=[historical_data, anomaly_model],
    freshness_policy=wide_freshness(),
    automation_condition=ON_NEW_DAYS,
    kinds={"numpy", "parquet", "postgres"},
    description=(
        "Days whose lines, counts or absence are far from what was to be expected: what is wrong, "
        "how far, which lines drive it and what it looks like. New findings raise alerts, but for "
        "those that contracts.d/incidents.csv marks. Each source has a report."
    ),
)
def anomaly_detection(
    context: dg.AssetExecutionContext, publisher: Publisher, config: AnomalyConfig
) -> None:
    """tables.ANOMALY_MODEL and tables.HISTORICAL_DATA → tables.ANOMALY_DETECTION."""
    from user_code.finance.domain.unusual_days import find_unusual_days

    begin = time.monotonic()
    how = DetectorSettings(config.threshold, config.weeks, config.least_history)
    marked = _marked_days(context)
    with publisher.attempt(context, DOMAIN, "anomaly_detection") as attempt:
        history = attempt.scan(DOMAIN, "historical_data").collect()
        model = attempt.scan(DOMAIN, "anomaly_model").collect()
        findings = find_unusual_days(model, history, marked, how)
        # Before they are published: a crash in between tells twice, which the key absorbs.
        told = tell_anomalies(
            attempt.warehouse,
            findings,
            earlier_findings(attempt.store),
            newest=history.get_column("date").max(),
            days=config.alert_days,
            link=f"{settings().ui_url}/assets/anomaly_detection",
        )
        reports = stage_reports(attempt, publisher.base, history, model, findings)
        published = attempt.publish(
            {WHOLE: findings}, beside={WHOLE: reports}, table="finance.anomaly_detection"
        )
    kinds = dict(findings.group_by("kind").len().sort("kind").iter_rows())
    facts: dict[str, Any] = {
        "new_alerts": told,
        "findings_by_kind": kinds,
        "marked_days": marked.height,
        "reports": report_links(publisher.base, reports, settings().reports_url),
        "flagged_days": plot_metadata(plot_against_expected(model, findings)),
    }
    if drawn := plot_contributions(model, findings):
        facts["lines_of_findings"] = plot_metadata(drawn)
    tell_published(context, attempt.partitions, published, begin, {WHOLE: facts})


def _marked_days(context: dg.AssetExecutionContext) -> pl.DataFrame:
    """What people said of days: date, source, mark. A file that cannot be used fails the run."""
    path = settings().contracts / MARKS_FILE
    if not path.is_file():
        return pl.DataFrame(schema=MARKED_DAYS)
    try:
        return as_marked_days(read_table(path), path)
    except TableRefused as error:
        fail_permanently(
            context, f"{error}: correct it in contracts.d, then materialise anomaly_model"
        )


def _incidents(marked: pl.DataFrame) -> set[tuple[date, str]]:
    return set(marked.filter(pl.col("mark") == "incident").select("date", "source").iter_rows())


def _table(rows: pl.DataFrame) -> dg.MetadataValue:
    """At most a hundred rows; numbers with three digits, dates as text."""
    shown = rows.head(100).with_columns(
        pl.col(pl.Float64).round(3), pl.col(pl.Date).dt.to_string("%Y-%m-%d")
    )
    return dg.MetadataValue.table(
        [dg.TableRecord(row) for row in shown.iter_rows(named=True)],
        schema=dg.TableSchema(
            [dg.TableColumn(name, str(kind)) for name, kind in rows.schema.items()]
        ),
    )


ANOMALY_ASSETS = [anomaly_model, anomaly_detection]
