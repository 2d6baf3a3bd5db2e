"""The platform's findings: lines and counts together, marks of people, the model and its test."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from user_code.finance.domain.contracts import ANOMALY_DETECTION, ANOMALY_MODEL, DAILY_SUMMARY
from user_code.finance.domain.finding_plots import plot_against_expected, plot_contributions
from user_code.finance.domain.fitted_lines import backtest, fit_model
from user_code.finance.domain.line_findings import find_unusual_lines
from user_code.finance.domain.lines_table import MARKED_DAYS
from user_code.finance.domain.summaries import gather_history
from user_code.finance.domain.unusual_days import find_unusual_days

FIRST = date(2023, 1, 2)
WEEKS = 26
FAULTY = date(2023, 6, 20)
NOBODY = pl.DataFrame(schema=MARKED_DAYS)


def summaries(
    lines: int = 9, *, source: str = "bank", currency: str = "EUR", seed: int = 5
) -> pl.DataFrame:
    """DAILY_SUMMARY of business days; a line strays by 15 %, and refunds are negative."""
    random = np.random.default_rng(seed)
    days = [day for n in range(WEEKS * 7) if (day := FIRST + timedelta(n)).weekday() < 5]
    level = random.uniform(3, 9, lines)
    rows = [
        (day, source, currency, f"line {n}", sign * round(amount, 2), 100, amount / 100, None)
        for day in days
        for n, amount in enumerate(np.exp(level + random.normal(0, 0.15, lines)))
        if (sign := -1 if n == 0 else 1)
    ]
    return pl.DataFrame(rows, schema=DAILY_SUMMARY.columns, orient="row", strict=False)


def change(rows: pl.DataFrame, amount: float, count: float, day: date = FAULTY) -> pl.DataFrame:
    there = pl.col("date") == day
    return rows.with_columns(
        pl.when(there).then(pl.col("total_amount") * amount).otherwise("total_amount")
        .cast(DAILY_SUMMARY.columns["total_amount"]).alias("total_amount"),
        pl.when(there).then(pl.col("transaction_count") * count).otherwise("transaction_count")
        .cast(pl.Int64).alias("transaction_count"),
    )  # fmt: skip


def find(rows: pl.DataFrame, marked: pl.DataFrame = NOBODY) -> pl.DataFrame:
    known = marked.filter(pl.col("mark") == "incident").select("date", "source")
    model = fit_model(rows, set(known.iter_rows()))
    return find_unusual_days(model, gather_history(rows.lazy()), marked)


@pytest.mark.parametrize(
    ("amount", "count", "kind"),
    [(0.5, 0.5, "half"), (2, 2, "double"), (10, 1, "unit"), (0.04, 0.04, "outage")],
)
def test_a_faulty_day_of_transactions_is_found_and_named(amount, count, kind):
    found = find(change(summaries(), amount, count))
    assert ANOMALY_DETECTION.problems(found.schema) == []
    assert found.select("date", "source", "currency", "kind").rows() == [
        (FAULTY, "bank", "EUR", kind)
    ]
    row = found.row(0, named=True)
    assert row["lines"]
    assert row["observed_count"] == round(900 * count)
    assert float(row["observed_total"]) == pytest.approx(amount * row["expected_total"], rel=0.4)


def test_a_missing_day_is_an_outage_and_a_quiet_feed_is_no_news():
    rows = summaries()
    assert find(rows).is_empty()
    found = find(rows.filter(pl.col("date") != FAULTY))
    assert found.select("date", "kind", "observed_count").rows() == [(FAULTY, "outage", 0)]


def test_currencies_are_judged_by_themselves():
    euros, pounds = summaries(), summaries(currency="GBP", seed=9)
    found = find(pl.concat([change(euros, 0.5, 0.5), pounds]))
    assert found.select("currency", "kind").rows() == [("EUR", "half")]


def test_what_people_mark_is_kept_with_their_word_for_it():
    marked = pl.DataFrame([(FAULTY, "bank", "expected")], schema=MARKED_DAYS, orient="row")
    found = find(change(summaries(), 2, 2), marked)
    assert found.select("date", "marked").rows() == [(FAULTY, "expected")]


def test_incidents_teach_nothing():
    days = [FAULTY - timedelta(n) for n in range(20)]
    faulty = summaries()
    for day in days:
        faulty = change(faulty, 2, 2, day)
    incidents = {(day, "bank") for day in days}
    expected = [
        fit_model(rows, known).filter(pl.col("date") > FAULTY).drop("observed")
        for rows, known in ((faulty, incidents), (summaries(), incidents), (faulty, ()))
    ]
    assert expected[0].equals(expected[1])
    assert not expected[0].equals(expected[2])


def test_the_stored_model_says_what_the_lines_say():
    rows = change(summaries(12), 0.5, 0.5)
    model = fit_model(rows)
    assert ANOMALY_MODEL.problems(model.schema) == []
    items = rows.select(
        "date", "source", pl.col("category").alias("line"),
        pl.col("total_amount").cast(pl.Float64).abs().alias("amount"),
    )  # fmt: skip
    wanted = find_unusual_lines(items).select("date", "kind", "lines").rows()
    assert (FAULTY, "half") in [row[:2] for row in wanted]
    found = find_unusual_days(model, gather_history(rows.lazy()), NOBODY)
    assert found.select("date", "kind", "lines").rows() == wanted


@pytest.mark.parametrize("lines", [1, 9])
def test_the_backtest_says_what_a_fault_would_have_met(lines):
    rows = summaries(lines)
    (told,) = backtest(fit_model(rows)).rows(named=True)
    assert (told["lines"], told["first_day"], told["last_day"]) == (
        lines, FIRST, rows["date"].max()
    )  # fmt: skip
    assert told["judged_days"] > 40
    assert told["flagged"] < 0.05
    assert told["unit"] > 0.95
    # Planted for real, and marked: the same answer.
    days = rows["date"].unique().sort()[-12::4]
    caught = [
        day for day in days
        if find(
            change(rows, 10, 1, day),
            pl.DataFrame([(day, "bank", "incident")], schema=MARKED_DAYS, orient="row"),
        ).filter(pl.col("date") == day).height
    ]  # fmt: skip
    assert len(caught) == len(days)


def test_pictures_show_the_findings_and_are_small():
    rows = change(summaries(), 0.5, 0.5)
    model, found = fit_model(rows), find(rows)
    for png in (plot_against_expected(model, found), plot_contributions(model, found)):
        assert png is not None
        assert png.startswith(b"\x89PNG")
        assert len(png) < 100_000
    assert plot_against_expected(model, found) != plot_against_expected(model, found.clear())
    assert plot_contributions(model, found.clear()) is None
    assert plot_against_expected(model.clear(), found.clear()).startswith(b"\x89PNG")


def test_nothing_gives_an_empty_model_and_no_findings():
    assert fit_model(DAILY_SUMMARY.empty()).is_empty()
    assert find(DAILY_SUMMARY.empty()).is_empty()
    assert backtest(ANOMALY_MODEL.empty()).is_empty()
