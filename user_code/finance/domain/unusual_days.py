"""Unusual days of the platform: what the lines say, and what totals and counts say beside them.

Amounts alone cannot tell ten times the money from another unit, nor an outage from small amounts:
the counts of transactions can. And until a source's lines have limits of their own, its totals are
compared with the same weekdays before.
"""

from datetime import date

import polars as pl

from user_code.finance.domain.anomalies import DetectorSettings, flag_unusual_days
from user_code.finance.domain.contracts import (
    ANOMALY_DETECTION,
    HISTORICAL_DATA,
    LINE_FINDINGS,
    MONEY,
)
from user_code.finance.domain.fitted_lines import judge_model

# A single series has limits of its own after so many days.
_EARLY_DAYS = 140
_BY_COUNTS = ["unit", "outage"]


def find_unusual_days(
    model: pl.DataFrame,
    history: pl.DataFrame,
    marked: pl.DataFrame,
    settings: DetectorSettings | None = None,
) -> pl.DataFrame:
    """ANOMALY_MODEL and HISTORICAL_DATA → ANOMALY_DETECTION, sorted by its key.

    `marked` (date, source, mark) are judged, too; incidents among them teach nothing.
    """
    if history.is_empty():
        return ANOMALY_DETECTION.empty()
    known = marked.filter(pl.col("mark") == "incident").select("date", "source")
    incidents = set(known.iter_rows())
    # The model's last day, as a day that it doesn't know is not missing.
    newest: date = model.get_column("date").max() or date.min  # type: ignore[assignment]
    totals = flag_unusual_days(_sizes(model, history), settings, incidents)
    by_counts = totals.filter(
        # Which days are holidays the lines' own calendar knows better.
        pl.col("observed_total").is_not_null()
    ).join(_early(history), on=HISTORICAL_DATA.key, how="left")
    by_counts = by_counts.filter(pl.col("early").is_not_null() | pl.col("kind").is_in(_BY_COUNTS))
    lines = pl.concat(
        [
            _line_findings("", "", LINE_FINDINGS.empty()),
            *(_line_findings(*each) for each in judge_model(model, newest, incidents)),
        ]
    )
    both = lines.join(by_counts, on=HISTORICAL_DATA.key, how="full", coalesce=True, suffix="_c")
    # What the counts recognise they know better.
    known_better = pl.col("kind_c").is_in(_BY_COUNTS) | pl.col("kind").is_null()
    told = both.with_columns(
        *(
            pl.when(known_better.fill_null(False)).then(f"{name}_c").otherwise(name).alias(name)
            for name in ("kind", "score", "expected_total", "observed_total", "reason")
        ),
        pl.col("lines").fill_null(""),
    )
    counted = history.select(
        *HISTORICAL_DATA.key, pl.col("transaction_count").alias("observed_count")
    )
    found = (
        told.drop("observed_count")
        .join(counted, on=HISTORICAL_DATA.key, how="left")
        .with_columns(pl.col("observed_count").fill_null(0))
        .join(marked.rename({"mark": "marked"}), on=["date", "source"], how="left")
    )
    return ANOMALY_DETECTION.shape(found).sort(ANOMALY_DETECTION.key)


def _sizes(model: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """HISTORICAL_DATA with the sum of all lines' sizes as the total.

    Payments and refunds that nearly cancel make a total that strays by its nature.
    """
    sizes = model.group_by(HISTORICAL_DATA.key).agg(pl.col("observed").sum().cast(MONEY))
    return HISTORICAL_DATA.shape(
        history.drop("total_amount")
        .join(sizes, on=HISTORICAL_DATA.key)
        .rename({"observed": "total_amount"})
    )


def _early(history: pl.DataFrame) -> pl.DataFrame:
    """The first days of each source and currency."""
    first = history.sort("date").group_by("source", "currency").head(_EARLY_DAYS)
    return first.select(*HISTORICAL_DATA.key, pl.lit(True).alias("early"))


def _line_findings(source: str, currency: str, found: pl.DataFrame) -> pl.DataFrame:
    return found.select(
        "date",
        pl.lit(source).alias("source"),
        pl.lit(currency).alias("currency"),
        "kind",
        "score",
        pl.col("expected").alias("expected_total"),
        pl.col("observed").cast(MONEY).alias("observed_total"),
        "lines",
        "reason",
    )
