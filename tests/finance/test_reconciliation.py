"""Month-to-date totals against the amounts."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from user_code.cli import main
from user_code.finance.domain.contracts import CONTROL_DIFFERENCES
from user_code.finance.domain.month_to_date import as_control_totals, find_differences

HEAD = "date,source,line,amount,month_to_date\n"


def _reconcile(tmp_path, *rows: str) -> pl.DataFrame:
    table, out = tmp_path / "t.csv", tmp_path / "o.parquet"
    table.write_text(HEAD + "\n".join(rows) + "\n")
    assert main(["finance", "reconcile", str(table), "--out", str(out)]) == 0
    return pl.read_parquet(out)


def test_what_adds_up_is_no_difference_and_a_month_begins_at_zero(tmp_path):
    found = _reconcile(
        tmp_path,
        "2025-01-30,bank,tax,0.1,5.3",
        "2025-01-31,bank,tax,0.2,5.5",
        "2025-02-03,bank,tax,0.3,0.3",
        "2025-02-04,bank,tax,-1,-0.7",
        "2025-02-04,bank,new,2,2",
    )
    assert found.is_empty()
    assert CONTROL_DIFFERENCES.problems(found.schema) == []


def test_a_difference_says_what_was_expected_to_the_digit(tmp_path):
    big = "99999999999999999999"
    found = _reconcile(
        tmp_path,
        f"2025-01-30,bank,tax,1,{big}.1001",
        f"2025-01-31,bank,tax,0.0001,{big}.1003",
        "2025-02-03,bank,tax,1,3",
        "2025-02-04,bank,tax,1,4",
    )
    assert found.select("previous", "stated", "difference").rows() == [
        (Decimal(f"{big}.1001"), Decimal(f"{big}.1003"), Decimal("0.0001")),
        (None, Decimal("3.0000"), Decimal("2.0000")),
    ]


def test_sources_and_lines_are_kept_apart_and_a_line_twice_is_added_up(tmp_path):
    rows = [
        "2025-01-06,bank,tax,1,1", "2025-01-06,bank,tax,10,20", "2025-01-06,bank,fee,4,4",
        "2025-01-06,till,tax,7,7",
        "2025-01-07,bank,tax,1,2", "2025-01-07,bank,tax,10,30", "2025-01-07,bank,fee,1,9",
        "2025-01-07,till,tax,0,7",
    ]  # fmt: skip
    found = _reconcile(tmp_path, *rows)
    assert found.select("source", "line", "difference").rows() == [("bank", "fee", Decimal("4"))]


def test_a_line_that_was_away_is_not_judged_and_a_missing_day_shows(tmp_path):
    found = _reconcile(
        tmp_path,
        "2025-01-06,bank,tax,1,1", "2025-01-06,bank,fee,1,1",
        "2025-01-07,bank,tax,1,2",
        "2025-01-08,bank,tax,1,3", "2025-01-08,bank,fee,1,9",
        "2025-01-10,bank,tax,1,7", "2025-01-10,bank,fee,1,10",
    )  # fmt: skip
    assert [str(day) for day in found["date"]] == ["2025-01-10"]
    assert found["difference"].to_list() == [Decimal("3")]


@pytest.mark.parametrize(("tolerance", "left"), [("0.4999", 1), ("0.5", 0)])
def test_feeds_in_rounded_units_are_given_a_tolerance(tmp_path, tolerance, left):
    table, out = tmp_path / "t.csv", tmp_path / "o.csv"
    table.write_text(f"{HEAD}2025-01-06,a,x,1,1\n2025-01-07,a,x,1,1.5\n")
    call = ["finance", "reconcile", str(table), "--out", str(out), "--tolerance", tolerance]
    assert main(call) == 0
    assert pl.read_csv(out).height == left
    assert main([*call[:-1], "-1"]) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("date,source,line,amount\n", "lacks the column month_to_date"),
        (f"{HEAD}2025-01-06,bank,tax,1,1e3\n", "no number of at most 4 decimals in month_to_date"),
        (f"{HEAD}6.1.2025,bank,tax,1,1\n", "no date (YYYY-MM-DD) in date"),
    ],
)
def test_a_wrong_input_is_refused_in_one_line(tmp_path, capsys, text, words):
    (tmp_path / "t.csv").write_text(text)
    out = str(tmp_path / "o.csv")
    assert main(["finance", "reconcile", str(tmp_path / "t.csv"), "--out", out]) == 2
    assert words in capsys.readouterr().err


def test_real_control_totals(shared_data):
    """About 1 % of the line-days of the US Daily Treasury Statement don't add up."""
    items = pl.read_csv(
        shared_data / "finance/us_treasury_daily_items_2005_2010.csv.gz", try_parse_dates=True
    )
    totals = as_control_totals(
        items.select(
            "date",
            pl.lit("treasury").alias("source"),
            (pl.col("side") + "/" + pl.col("item")).alias("line"),
            pl.col("today_musd").alias("amount"),
            pl.col("month_to_date_musd").alias("month_to_date"),
        ),
        shared_data,
    )
    # Both numbers are rounded to millions, each by itself.
    seen_before = find_differences(totals, Decimal(1)).filter(pl.col("previous").is_not_null())
    assert 0.003 < seen_before.height / totals.height < 0.03
