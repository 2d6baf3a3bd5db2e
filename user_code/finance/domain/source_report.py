"""The report of a source: one HTML file that needs nothing else, pictures included.

Counts, totals and findings; no record, and nothing of what a rejected line holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from user_code.finance.domain.finding_plots import plot_against_expected, plot_contributions
from user_code.finance.domain.quarantine_plot import draw_quarantine
from user_code.shared.html_page import facts_table, html_page, inline_png, rows_table

_MOST_FINDINGS = 500
_FINDING = (
    "date", "currency", "kind", "score", "expected", "observed", "lines", "in words", "marked",
)  # fmt: skip


@dataclass(frozen=True)
class SourceRecords:
    """Records of one source that are no rows of its history, in counts."""

    duplicates: int = 0
    quarantined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    """A record of two reasons counts for both."""


def render_source_report(
    source: str,
    records: SourceRecords,
    history: pl.DataFrame,
    model: pl.DataFrame,
    findings: pl.DataFrame,
) -> str:
    """HISTORICAL_DATA, ANOMALY_MODEL and ANOMALY_DETECTION of any sources → this one's document.

    Every text from the input is escaped.
    """
    history, model, findings = (
        each.filter(pl.col("source") == source) for each in (history, model, findings)
    )
    return html_page(
        source,
        f"Source {source}",
        f"{_days(history)}<h2>Records</h2>{_counts(records, history)}"
        f"<h2>Totals</h2>{_totals(history, model, findings)}"
        f"<h2>Findings</h2>{_findings(model, findings)}"
        f"<h2>Quarantine</h2>{_quarantine(records.reasons)}",
    )


def _days(history: pl.DataFrame) -> str:
    dates = history["date"]
    if dates.is_empty():
        return "<p>No day of it has a transaction.</p>"
    return (
        f"<p>{dates.min()!s} to {dates.max()!s}, {dates.n_unique():,} days with transactions.</p>"
    )


def _counts(records: SourceRecords, history: pl.DataFrame) -> str:
    accepted = int(history["transaction_count"].sum())
    rows = [
        ("records", accepted + records.duplicates + records.quarantined, "the three that follow"),
        ("accepted", accepted, "rows of financial_transactions"),
        ("duplicates", records.duplicates, "their transaction id was seen before in the source"),
        ("quarantined", records.quarantined, "no transactions: kept apart, with reasons"),
    ]
    return facts_table(rows)


def _totals(history: pl.DataFrame, model: pl.DataFrame, findings: pl.DataFrame) -> str:
    """By currency; and each day against what was to be expected of it."""
    if history.is_empty():
        return "<p>None.</p>"
    by_currency = history.group_by("currency").agg(
        pl.col("total_amount").sum(), pl.col("transaction_count").sum()
    )
    rows = (
        (currency, f"{total:,}", count)
        for currency, total, count in by_currency.sort("currency").iter_rows()
    )
    words = "Observed, the band that was to be expected, and flagged days"
    return (
        rows_table(("currency", "total", "transactions"), rows)
        + f"<p>{words}; sizes of amounts, without sign, the last 400 days:</p>"
        + inline_png(plot_against_expected(model, findings), words)
    )


def _findings(model: pl.DataFrame, findings: pl.DataFrame) -> str:
    """The newest first, at most 500: the table has them all."""
    if findings.is_empty():
        return "<p>None.</p>"
    newest = findings.sort("date", "currency", descending=[True, False]).head(_MOST_FINDINGS)
    rows = (
        (
            row["date"], row["currency"], row["kind"], row["score"],
            _amount(row["expected_total"]), _amount(row["observed_total"]),
            row["lines"], row["reason"], row["marked"],
        )
        for row in newest.iter_rows(named=True)
    )  # fmt: skip
    drawn = plot_contributions(model, findings)
    return (
        f"<p>{findings.height:,}, the newest first:</p>{rows_table(_FINDING, rows)}"
        f"{inline_png(drawn, 'Lines of the newest findings') if drawn else ''}"
    )


def _amount(value: object) -> str | None:
    return None if value is None else f"{value:,.2f}"


def _quarantine(reasons: Mapping[str, int]) -> str:
    if not reasons:
        return "<p>Nothing.</p>"
    return f"{rows_table(('reason', 'records'), sorted(reasons.items()))}{draw_quarantine(reasons)}"
