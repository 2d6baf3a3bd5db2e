"""The fitted expectations of all lines as one table, and how well they would find faults.

The lines of a source are its categories, of each currency by themselves. Sizes count, not signs:
refunds and withdrawals are expected like payments.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl

from user_code.finance.domain.contracts import ANOMALY_MODEL, LINE_FINDINGS
from user_code.finance.domain.line_expectations import Expectations, Floats
from user_code.finance.domain.line_findings import LineJudge
from user_code.finance.domain.line_series import LineSeries, arrange, days_by_lines

Incidents = Collection[tuple[date, str]]
"""Days and sources that are known to be wrong: they teach nothing."""

_BACKTEST_DAYS = 365
_FACTORS = {"half": 0.5, "double": 2.0, "unit": 10.0}


def fit_model(
    summaries: pl.DataFrame,
    incidents: Incidents = (),
    *,
    progress: Callable[[str], None] | None = None,
) -> pl.DataFrame:
    """DAILY_SUMMARY → ANOMALY_MODEL, sorted by its key. `progress` is told each source's name."""
    lines = summaries.select(
        "date",
        "source",
        "currency",
        pl.col("category").alias("line"),
        pl.col("total_amount").cast(pl.Float64).abs().alias("amount"),
    )
    fitted = [ANOMALY_MODEL.empty()]
    for source, currency, rows in _by_series(lines):
        if progress:
            progress(source)
        series = arrange(rows, _marked(incidents, source), rows["date"].max())  # type: ignore[arg-type]
        fitted.append(_as_rows(series, series.expect(), source, currency))
    return pl.concat(fitted).sort(ANOMALY_MODEL.key)


def judge_model(
    model: pl.DataFrame, newest: date, incidents: Incidents = ()
) -> Iterator[tuple[str, str, pl.DataFrame]]:
    """ANOMALY_MODEL → source, currency and its LINE_FINDINGS, each in turn.

    A day is missing once any source has a later one: `newest` is the last of all.
    """
    for source, currency, series, expectations in _read(model, newest, incidents):
        found = LineJudge(series, expectations).findings()
        rows = [{"source": source, **finding} for finding in found]
        yield source, currency, pl.DataFrame(rows, schema=LINE_FINDINGS.columns, orient="row")


def backtest(model: pl.DataFrame, incidents: Incidents = ()) -> pl.DataFrame:
    """ANOMALY_MODEL → how its last 365 days would have fared, a row per source and currency.

    first_day, last_day: what it learnt from. judged_days: days for which there were limits. half,
    double, unit: the share of these that would be flagged with all amounts times 0.5, 2 and 10.
    flagged: the share that is flagged as it came. error: median |log(observed / expected)|.
    """
    rows = []
    for source, currency, series, expectations in _read(model, None, incidents):
        judge = LineJudge(series, expectations)
        since = series.days[-1] - timedelta(days=_BACKTEST_DAYS)
        lately = [at for at, day in enumerate(series.days) if day > since and series.learn[at]]
        judged = [at for at in lately if judge.tells(at, 1.0) is not None]
        errors = np.abs(expectations.residual[lately])
        rows.append(
            {
                "source": source,
                "currency": currency,
                "lines": len(series.lines),
                "first_day": series.days[0],
                "last_day": series.days[-1],
                "judged_days": len(judged),
                "flagged": _share(judge, judged, 1.0),
                **{kind: _share(judge, judged, factor) for kind, factor in _FACTORS.items()},
                "error": None if np.isnan(errors).all() else float(np.nanmedian(errors)),
            }
        )
    return pl.DataFrame(rows, schema=_BACKTEST)


_BACKTEST = {
    "source": pl.String(),
    "currency": pl.String(),
    "lines": pl.Int64(),
    "first_day": pl.Date(),
    "last_day": pl.Date(),
    "judged_days": pl.Int64(),
    "flagged": pl.Float64(),
    **dict.fromkeys(_FACTORS, pl.Float64()),
    "error": pl.Float64(),
}


def _share(judge: LineJudge, days: list[int], factor: float) -> float | None:
    if not days:
        return None
    return sum(bool(judge.tells(at, factor)) for at in days) / len(days)


def _by_series(rows: pl.DataFrame) -> Iterator[tuple[str, str, pl.DataFrame]]:
    for mine in rows.sort("source", "currency").partition_by(
        "source", "currency", maintain_order=True
    ):
        yield mine.item(0, "source"), mine.item(0, "currency"), mine


def _marked(incidents: Incidents, source: str) -> frozenset[date]:
    return frozenset(day for day, name in incidents if name == source)


def _as_rows(
    series: LineSeries, expectations: Expectations, source: str, currency: str
) -> pl.DataFrame:
    days, lines = series.amounts.shape
    frame = pl.DataFrame(
        {
            "date": np.repeat(np.array(series.days, dtype="datetime64[D]"), lines),
            "line": series.lines * days,
            "observed": series.amounts.ravel(),
            "expected": np.exp(expectations.expected).ravel(),
            "usual": expectations.usual.ravel(),
            "scale": expectations.scale.ravel(),
        }
    ).with_columns(
        pl.lit(source).alias("source"),
        pl.lit(currency).alias("currency"),
        pl.col("observed", "expected", "usual", "scale").fill_nan(None),
    )
    known = pl.col("observed").is_not_null() | pl.col("expected").is_not_null()
    return ANOMALY_MODEL.shape(frame.filter(known))


def _read(
    model: pl.DataFrame, newest: date | None, incidents: Incidents
) -> Iterator[tuple[str, str, LineSeries, Expectations]]:
    for source, currency, rows in _by_series(model):
        last = newest or rows["date"].max()
        items = rows.select("date", "source", "line", pl.col("observed").alias("amount"))
        series = arrange(items, _marked(incidents, source), last)  # type: ignore[arg-type]
        expected, usual, scale = (_matrix(rows, name) for name in ("expected", "usual", "scale"))
        with np.errstate(divide="ignore"):
            logs = np.log(np.where(series.amounts > 0, series.amounts, np.nan))
            expected = np.log(expected)
        yield source, currency, series, Expectations(expected, logs - expected, usual, scale)


def _matrix(rows: pl.DataFrame, values: str) -> Floats:
    """Days × lines, both in the order of `arrange`."""
    matrix: Floats = days_by_lines(rows, values).drop("date").to_numpy().astype(np.float64)
    return matrix
