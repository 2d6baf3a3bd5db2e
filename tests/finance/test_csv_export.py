"""What leaves for spreadsheets: no cell is run, numbers stay numbers."""

from __future__ import annotations

import csv
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from finance_feeds import HEADER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from user_code.finance.domain.csv_export import ExportRefused, export_csv
from user_code.finance.domain.formula_cells import neutralise
from user_code.shared.warehouse import Warehouse

CELLS = {
    "=cmd()": "'=cmd()",
    "@SUM(A1)": "'@SUM(A1)",
    "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0",
    "-cmd()": "'-cmd()",
    "\t=1": "'\t=1",
    "\r=1": "'\r=1",
    "\n=1": "'\n=1",
    "＝1+1": "'＝1+1",
    "-": "'-",
    "+49 30 1234": "'+49 30 1234",
    "-1e3": "'-1e3",
    "-1+2": "'-1+2",
    "-5": "-5",
    "+1.234,50": "+1.234,50",
    "a=1": "a=1",
    "'=1": "'=1",
    "": "",
}


def plain(texts: list[str]) -> list[str]:
    return pl.DataFrame({"cell": texts}).select(neutralise(pl.col("cell")))["cell"].to_list()


@pytest.mark.parametrize(("cell", "exported"), CELLS.items())
def test_a_formula_is_made_plain_and_a_number_is_not(cell: str, exported: str) -> None:
    assert plain([cell]) == [exported]


@given(st.lists(st.text("=@+-＝＠＋－\t\r\n019.,a '", max_size=6), min_size=1, max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_warehouse_s_function_does_the_same(warehouse: Warehouse, texts: list[str]) -> None:
    with warehouse.transaction() as cursor:
        cursor.execute(
            "SELECT finance.plain_cell(cell) FROM unnest(%s) WITH ORDINALITY AS cells (cell, place)"
            " ORDER BY place",
            (texts,),
        )
        assert [row[0] for row in cursor.fetchall()] == plain(texts)


def test_every_kind_of_column(tmp_path: Path) -> None:
    table = tmp_path / "quarantine.parquet"
    table.mkdir()
    frame = pl.DataFrame(
        {
            "text": ["=1", None],
            "amount": [Decimal("-12345678901234567890.1234"), Decimal(1)],
            "date": [date(2025, 1, 6), None],
            "count": [-1, 2],
            "raw_line": [b"=\xff,x", b"a"],
            "reasons": [["=a", "b"], []],
        },
        schema_overrides={"amount": pl.Decimal(38, 4)},
    )
    for number in (2, 1):
        frame.with_columns(count=pl.lit(number)).write_parquet(table / f"until-{number}.parquet")
    out = tmp_path / "new" / "quarantine.csv"
    assert export_csv(table, out) == 4
    with out.open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == frame.columns
    amount = "-12345678901234567890.1234"
    assert rows[1] == ["'=1", amount, "2025-01-06", "1", "'=\ufffd,x", "'=a; b"]
    assert [row[3] for row in rows[1:]] == ["1", "1", "2", "2"]
    assert list(out.parent.iterdir()) == [out]


def test_what_is_no_table_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_text("none")
    for table in (tmp_path / "absent.parquet", broken, tmp_path / "."):
        if table.is_dir():
            broken.unlink()
        with pytest.raises(ExportRefused, match="Parquet"):
            export_csv(table, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_from_a_feed_to_a_spreadsheet_by_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "in" / "bank").mkdir(parents=True)
    feed = tmp_path / "in" / "bank" / "tx-2025-01-06.csv"
    feed.write_text(f"{HEADER}\n=cmd(),2025-01-06,a,-c,-1.50,EUR\n")
    assay(tmp_path, "load", "in", "--out", "tables")
    done = assay(tmp_path, "export", "tables/financial_transactions.parquet", "--out", "tx.csv")
    assert done.stdout == "1 rows: tx.csv\n"
    with (tmp_path / "tx.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["transaction_id"], row["category"]) == ("'=cmd()", "'-c")
    assert (row["amount"], row["date"]) == ("-1.5000", "2025-01-06")
    refused = assay(tmp_path, "export", "tables", "--out", "tx.xlsx")
    assert refused.returncode == 2
    assert "name it .csv" in refused.stderr


def assay(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "user_code.cli", "finance", *arguments]
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": root}, capture_output=True, text=True
    )
