"""The detector finds planted faults, explains them, and is quiet otherwise."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from user_code.finance.domain.anomalies import DetectorSettings, flag_unusual_days
from user_code.finance.domain.contracts import HISTORICAL_DATA, MONEY
from user_code.finance.domain.plots import plot_daily_totals

START = date(2024, 1, 1)  # a Monday


def series(
    days: int = 120, *, seed: int = 1, source: str = "shop", closed: tuple[int, ...] = ()
) -> dict[date, tuple[Decimal, int]]:
    """Totals and counts by day with a strong weekly pattern and 4 % noise."""
    rng = random.Random(seed)
    made = {}
    for offset in range(days):
        day = START + timedelta(days=offset)
        if day.weekday() not in closed:
            count = round(1000 * (1, 1.1, 1, 1.2, 1.5, 2, 0.4)[day.weekday()] * rng.gauss(1, 0.04))
            made[day] = (Decimal(round(count * rng.gauss(30, 0.6), 2)).quantize(Decimal("0.01")),
                         count)  # fmt: skip
    return made


def history(*made: dict[date, tuple[Decimal, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (day, f"shop{number}", "EUR", total, count)
            for number, days in enumerate(made)
            for day, (total, count) in days.items()
        ],
        schema=HISTORICAL_DATA.columns,
        orient="row",
    )


def found(*made: dict[date, tuple[Decimal, int]]) -> list[tuple[date, str]]:
    return flag_unusual_days(history(*made)).select("date", "kind").rows()


@pytest.mark.parametrize("seed", range(5))
def test_a_weekly_pattern_is_no_news(seed):
    assert found(series(400, seed=seed)) == []


@pytest.mark.parametrize(
    ("total", "count", "kind"),
    [
        ("2", 2.0, "double"),
        ("0.5", 0.5, "half"),
        ("10", 1.0, "unit"),
        ("0.01", 1.0, "unit"),
        ("0.03", 0.03, "outage"),
        ("3", 3.0, "unusual"),
        ("-1", 1.0, "unusual"),
    ],
)
def test_a_planted_fault_is_found_and_named(total, count, kind):
    made, day = series(), START + timedelta(days=80)
    made[day] = (made[day][0] * Decimal(total), round(made[day][1] * count))
    assert found(made) == [(day, kind)]


def test_the_reason_says_how_far_and_what_it_looks_like():
    made, day = series(), START + timedelta(days=80)
    made[day] = (made[day][0] * 2, made[day][1] * 2)
    finding = flag_unusual_days(history(made)).row(0, named=True)
    assert "times that of earlier Thursdays" in finding["reason"]
    assert finding["reason"].endswith("it looks like a day delivered twice")
    assert finding["score"] > DetectorSettings().threshold
    assert finding["observed_count"] == pytest.approx(2 * finding["expected_count"], rel=0.2)


@pytest.mark.parametrize("factor", ["10", "0.1", "100"])
def test_amounts_in_another_unit_are_found_where_totals_are_restless(factor: str):
    rng = random.Random(5)
    made = {}
    for offset in range(120):
        # Ten times more on one day than on another is usual here; the mean amount is not restless.
        count = round(300 * 10 ** rng.uniform(-0.5, 0.5))
        total = Decimal(round(count * rng.gauss(30, 6), 2)).quantize(Decimal("0.01"))
        made[START + timedelta(days=offset)] = (total, count)
    assert flag_unusual_days(history(made)).is_empty()

    day = START + timedelta(days=119)
    count = 300
    made[day] = (Decimal(9000) * Decimal(factor), count)

    (finding,) = flag_unusual_days(history(made)).rows(named=True)
    assert (finding["date"], finding["kind"]) == (day, "unit")


def test_a_missing_day_is_an_outage_once_a_later_day_is_there():
    made, day = series(), START + timedelta(days=90)
    del made[day]
    assert found(made) == [(day, "outage")]
    cut = {each: value for each, value in series().items() if each < day}
    assert found(cut) == []


def test_a_source_that_is_late_today_is_not_missing_yet():
    late = series()
    last = max(late)
    del late[last]
    assert found(series(seed=2), late) == []
    del late[last - timedelta(days=1)]
    assert found(series(seed=2), late) == [(last - timedelta(days=1), "outage")]


def test_days_on_which_a_feed_never_comes_are_not_missing():
    assert found(series(400, closed=(5, 6))) == []


def test_too_short_a_history_says_nothing():
    made = series(27)
    made[max(made)] = (Decimal(10**9), 10**6)
    assert found(made) == []


def test_a_fault_does_not_make_the_days_after_it_look_wrong():
    made = series()
    for offset in (60, 61, 75):
        day = START + timedelta(days=offset)
        made[day] = (made[day][0] * 2, made[day][1] * 2)
    assert [kind for _, kind in found(made)] == ["double"] * 3


def test_only_earlier_days_judge_a_day():
    made = series(200)
    day = START + timedelta(days=100)
    made[day] = (made[day][0] * 2, made[day][1] * 2)
    until = {each: value for each, value in made.items() if each <= day}
    assert flag_unusual_days(history(until)).equals(flag_unusual_days(history(made)))


def test_a_series_that_never_moves_is_judged_without_dividing_by_zero():
    made = {START + timedelta(days=n): (Decimal(0), 5) for n in range(60)}
    made[START + timedelta(days=59)] = (Decimal(100), 5)
    assert found(made) == [(START + timedelta(days=59), "unusual")]


def test_no_history_no_findings():
    assert flag_unusual_days(HISTORICAL_DATA.empty()).is_empty()


def test_the_plot_is_a_small_png():
    made = history(series(), series(seed=2))
    png = plot_daily_totals(made)
    assert png.startswith(b"\x89PNG")
    assert len(png) < 100_000
    assert plot_daily_totals(HISTORICAL_DATA.empty()).startswith(b"\x89PNG")


def test_the_treasurys_five_years_raise_few_alarms_and_faults_are_found(shared_data: Path):
    lines = pl.read_csv(
        shared_data / "finance/us_treasury_daily_items_2005_2010.csv.gz", try_parse_dates=True
    )
    totals = lines.group_by("date", pl.col("side").alias("source")).agg(
        pl.lit("USD").first().alias("currency"),
        pl.col("today_musd").sum().cast(MONEY).alias("total_amount"),
        pl.len().cast(pl.Int64).alias("transaction_count"),
    )
    totals = totals.select(*HISTORICAL_DATA.columns)
    alarms = flag_unusual_days(totals)
    years = 5.5
    by_source = dict(alarms.group_by("source").len().iter_rows())
    assert all(count / years <= 5 for count in by_source.values()), by_source
    # Half the lines lost, on one day a month: the count of lines tells.
    days = totals.filter(pl.col("date").dt.year() >= 2007)["date"].unique().sort()[::21].to_list()
    halved = totals.with_columns(
        pl.when(pl.col("date").is_in(days))
        .then(pl.col("transaction_count") // 2)
        .otherwise(pl.col("transaction_count"))
        .alias("transaction_count")
    )
    flagged = flag_unusual_days(halved).filter(pl.col("date").is_in(days))
    assert flagged.height >= 0.8 * 2 * len(days)
