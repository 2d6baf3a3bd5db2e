"""`assay finance …` on files, as a person calls it."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from finance_feeds import HEADER, write_feed, write_text

from user_code.cli import main

DAY = date(2025, 1, 6)


def test_load_leaves_all_tables_and_says_what_became_of_the_records(tmp_path, capsys):
    write_feed(tmp_path, "bank", DAY, ["1.10", "2.20", "x"])
    write_feed(tmp_path, "bank", DAY + timedelta(days=1), ["4.40"])
    out = tmp_path / "out"
    assert main(["finance", "load", str(tmp_path / "finance"), "--out", str(out)]) == 0
    assert "4 records of 2 files: 3 accepted, 0 duplicates, 1 in quarantine" in (
        capsys.readouterr().out
    )
    assert sorted(path.stem for path in out.iterdir()) == [
        "category_statistics", "daily_summary", "duplicates", "financial_transactions",
        "quarantine",
    ]  # fmt: skip
    assert pl.read_parquet(out / "daily_summary.parquet").rows() == [
        (DAY, "bank", "EUR", "food", Decimal("3.3"), 2, 1.65, 1.0),
        (DAY + timedelta(days=1), "bank", "EUR", "food", Decimal("4.4"), 1, 4.4, 1.0),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["load", "nowhere", "--out", "o"], "nowhere: no such folder"),
        (["load", "empty", "--out", "o"], "empty: no file <source>/<name>-YYYY-MM-DD"),
        (["load", "refused", "--out", "o"], "refused: no file could be read"),
        (["load", "refused", "--out", "o", "--contracts", "x"], "x: no such folder of contracts"),
        (["detect", "nowhere.csv", "--out", "f.csv"], "nowhere.csv: no such file"),
        (["detect", "bad.csv", "--out", "f.csv"], "bad.csv: lacks the column total_amount"),
        (["detect", "rows.csv", "--out", "f.csv"], "1 rows with no date (YYYY-MM-DD) in date"),
        (["detect", "twice.csv", "--out", "f.csv"], "a date is there twice"),
        (["detect", "twice.csv", "--out", "f.xlsx"], "name it .csv or .parquet"),
        (["detect", "broken.parquet", "--out", "f.csv"], "not a readable table"),
    ],
)
def test_a_wrong_input_exits_non_zero_with_one_line(
    tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write_text(tmp_path, "bank", f"tx-{DAY}.csv", "what,is,this\n1,2,3\n")
    (tmp_path / "finance").rename(tmp_path / "refused")
    head = "date,total_amount,transaction_count\n"
    (tmp_path / "bad.csv").write_text("date,transaction_count\n2025-01-06,1\n")
    (tmp_path / "rows.csv").write_text(f"{head}06.01.2025,1,1\n")
    (tmp_path / "twice.csv").write_text(f"{head}2025-01-06,1,1\n2025-01-06,1,1\n")
    (tmp_path / "broken.parquet").write_text("no")
    assert main(["finance", *arguments]) != 0
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in last


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_detect_writes_findings_also_when_there_are_none(tmp_path, suffix):
    days = [DAY + timedelta(days=n) for n in range(60)]
    table = pl.DataFrame({"date": days, "total_amount": ["10.00"] * 60,
                          "transaction_count": [100] * 60})  # fmt: skip
    table.write_csv(tmp_path / "t.csv")
    out = tmp_path / f"found.{suffix}"
    call = ["finance", "detect", str(tmp_path / "t.csv"), "--out", str(out)]
    assert main(call) == 0
    read = pl.read_csv if suffix == "csv" else pl.read_parquet
    assert read(out).height == 0
    doubled = pl.col("date") == days[50]
    table.with_columns(
        pl.when(doubled).then(pl.lit("20.00")).otherwise("total_amount").alias("total_amount"),
        pl.when(doubled).then(200).otherwise("transaction_count").alias("transaction_count"),
    ).write_csv(tmp_path / "t.csv")
    assert main(call) == 0
    assert read(out)["kind"].to_list() == ["double"]


def test_no_server_library_is_loaded(tmp_path):
    write_text(tmp_path, "bank", f"tx-{DAY}.csv", f"{HEADER}\n1,{DAY},a,c,1,EUR\n")
    program = (
        "import sys; from user_code.cli import main;"
        f"main(['finance', 'load', {str(tmp_path / 'finance')!r}, '--out', {str(tmp_path)!r}]);"
        "assert not {'dagster', 'psycopg2', 'docker'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
