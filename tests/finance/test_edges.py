"""Inputs at the edge: each is read, or refused in words; none is lost or stops with a traceback."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from finance_feeds import HEADER, write_text

from user_code.cli import main
from user_code.finance.domain.feed_files import list_feed_files
from user_code.finance.domain.line_series import arrange
from user_code.finance.domain.source_contract import ContractError, read_contract

LINES = "date,source,line,amount\n"


def load(tmp_path: Path, contract: str = "") -> int:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "bank.yaml").write_text(contract)
    folders = [str(tmp_path / name) for name in ("finance", "out", "contracts")]
    return main(["finance", "load", folders[0], "--out", folders[1], "--contracts", folders[2]])


def test_what_is_not_where_feeds_are_is_told(tmp_path):
    for name in ("tx-2025-01-06.csv", "sub/tx-2025-01-07.csv", "tx-0001-01-01.csv", ".tx.csv"):
        write_text(tmp_path, "bank", name, HEADER)
    (tmp_path / "finance" / "tx-2025-01-08.csv").write_text(HEADER)
    (tmp_path / "finance" / "bank" / "gone-2025-01-06.csv").symlink_to(tmp_path / "nowhere")
    files, strange = list_feed_files(tmp_path / "finance")
    assert [file.relative for file in files] == ["bank/tx-2025-01-06.csv"]
    assert strange == [
        "bank/gone-2025-01-06.csv", "bank/sub/", "bank/tx-0001-01-01.csv", "tx-2025-01-08.csv",
    ]  # fmt: skip


def test_a_folder_that_may_not_be_read_is_none_without_files(tmp_path, monkeypatch):
    write_text(tmp_path, "bank", "tx-2025-01-06.csv", HEADER)
    write_text(tmp_path, "till", "tx-2025-01-06.csv", HEADER)
    scandir, listdir = os.scandir, os.listdir

    def refuse(path):
        if str(path).endswith("till"):
            raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", lambda path: refuse(path) or scandir(path))
    monkeypatch.setattr(os, "listdir", lambda path: refuse(path) or listdir(path))
    with pytest.raises(PermissionError, match="till"):
        list_feed_files(tmp_path / "finance")


@pytest.mark.parametrize(
    ("date_format", "words"),
    [
        ("%d.%m.%Y %M", "both its hour and its minute"),
        ("%d.%m.%Y %I:%M", "need each other"),
        ("%d.%m.%Y %X", "%X is unknown here"),
        ("%d.%m.%Y %f", "%f is unknown here"),
        ("%d.%m.%Y %", "% is unknown here"),
    ],
)
def test_a_date_format_that_reads_nothing_or_half_is_refused(tmp_path, date_format, words):
    path = tmp_path / "bank.yaml"
    path.write_text(f"date_format: '{date_format}'\n")
    with pytest.raises(ContractError, match=words):
        read_contract(path)


@pytest.mark.parametrize(
    ("contract", "text", "clock"),
    [
        ("date_format: '%Y-%m-%d %H:%M:%S.%f'", "2025-01-06 01:30:00.500000", "01:30:00.500000"),
        ("date_format: '%d.%m.%Y %k:%M'", "06.01.2025  9:30", "09:30:00.000000"),
        ("", "2025-01-06 12:00:00+02", "10:00:00.000000"),
    ],
)
def test_times_keep_their_clock(tmp_path, contract, text, clock):
    write_text(tmp_path, "bank", "tx-2025-01-06.csv", f"{HEADER}\n1,{text},a,c,1.00,EUR\n")
    assert load(tmp_path, contract) == 0
    times = pl.read_parquet(tmp_path / "out" / "financial_transactions.parquet")["booked_at"]
    assert times.dt.strftime("%H:%M:%S%.6f").to_list() == [clock]


def test_an_arrival_without_quotes_is_refused(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_text("arrival: {by: 18:30}\n")
    with pytest.raises(ContractError, match="in quotes"):
        read_contract(path)


def test_the_median_of_four_digits_keeps_the_fifth(tmp_path):
    rows = "".join(f"{n},2025-01-06,a,c,1.000{n},CLF\n" for n in (1, 2))
    write_text(tmp_path, "bank", "tx-2025-01-06.csv", f"{HEADER}\n{rows}")
    assert load(tmp_path) == 0
    for table in ("daily_summary", "category_statistics"):
        row = pl.read_parquet(tmp_path / "out" / f"{table}.parquet").row(0, named=True)
        assert row["median"] == float(Decimal("1.00015"))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("9999-12-31,s,a,1\n", "1 rows with no date"),
        ("0001-01-01,s,a,1\n", "1 rows with no date"),
        ('2025-01-06,s,"secret,1\n', "is there a quote that isn't closed?"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path, capsys, rows, words):
    (tmp_path / "t.csv").write_text(LINES + rows)
    call = ["finance", "detect", str(tmp_path / "t.csv"), "--out", str(tmp_path / "f.csv")]
    assert main(call) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "secret" not in told


def test_a_line_may_be_called_date():
    rows = pl.DataFrame({"date": [date(2025, 1, 6)] * 2, "line": ["date", "a"], "amount": [1.0, 2]})
    series = arrange(rows, (), date(2025, 1, 6))
    assert (series.days, series.amounts.tolist()) == ([date(2025, 1, 6)], [[3.0]])


@pytest.mark.parametrize(("column", "value"), [("line", [1]), ("source", b"\xff")])
def test_a_column_of_another_kind_is_refused(tmp_path, capsys, column, value):
    row = {"date": date(2025, 1, 6), "source": "s", "line": "a", "amount": 1.0, column: value}
    pl.DataFrame([row]).write_parquet(tmp_path / "t.parquet")
    call = ["finance", "detect", str(tmp_path / "t.parquet"), "--out", str(tmp_path / "f.csv")]
    assert main(call) == 2
    assert "should be dates, texts and numbers" in capsys.readouterr().err
