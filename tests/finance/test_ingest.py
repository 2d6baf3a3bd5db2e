"""Files of a day, versions and duplicates: the same set of files gives the same rows."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from finance_feeds import HEADER, feed, write_feed, write_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from user_code.finance.domain.feed_files import (
    current_versions,
    list_feed_files,
    parse_feed_path,
)
from user_code.finance.domain.ingest import SeenIds, read_day
from user_code.finance.domain.summaries import (
    category_statistics,
    disagreements,
    gather_history,
    summarise_by_day,
)

DAY = date(2025, 1, 6)


def ids(frame: pl.DataFrame) -> list[tuple[str, str, int]]:
    return frame.select("transaction_id", "file", "line").rows()


def record(number: int, amount: str = "1.00", day: date = DAY) -> str:
    return f"id{number},{day},a,c,{amount},EUR"


def text(*records: str) -> str:
    return "\n".join([HEADER, *records, ""])


def read(landing: Path, day: date = DAY, seen: SeenIds | None = None, shuffle: int = 0):
    files, _ = list_feed_files(landing / "finance")
    random.Random(shuffle).shuffle(files)
    return read_day(day, files, {}, seen or SeenIds())


@pytest.mark.parametrize(
    ("path", "parsed"),
    [
        ("bank/tx-2025-01-06.csv", ("bank", "tx", 0)),
        ("bank/tx-2025-01-06.csv.gz", ("bank", "tx", 0)),
        ("bank/tx-2025-01-06.v12.csv", ("bank", "tx", 12)),
        ("bank/tx-eu-2025-01-06.v2.csv.gz", ("bank", "tx-eu", 2)),
        ("bank/tx-2025-02-30.csv", None),
        ("bank/tx.csv", None),
        ("bank/2025-01-06.csv", None),
        ("bank/tx-2025-01-06.v.csv", None),
        ("bank/tx-2025-01-06.xlsx", None),
        ("../tx-2025-01-06.csv", None),
        (".hidden/tx-2025-01-06.csv", None),
    ],
)
def test_a_name_says_source_name_day_and_version(path, parsed):
    file = parse_feed_path(Path(path))
    assert (file and (file.source, file.name, file.version)) == parsed


def test_files_on_their_way_in_are_not_listed(tmp_path):
    for name in ("tx-2025-01-06.csv", ".tx-2025-01-06.csv", "tx-2025-01-06.csv.part", "a.tmp"):
        write_text(tmp_path, "bank", name, "")
    write_text(tmp_path, "bank", "notes.txt", "")
    files, strange = list_feed_files(tmp_path / "finance")
    assert [file.path.name for file in files] == ["tx-2025-01-06.csv"]
    assert strange == ["bank/notes.txt"]


def test_the_highest_version_replaces_all_rows_of_its_file(tmp_path):
    write_text(tmp_path, "bank", "tx-2025-01-06.csv", text(record(1), record(2)))
    write_text(tmp_path, "bank", "tx-2025-01-06.v2.csv", text(record(1, "5.00")))
    write_text(tmp_path, "bank", "tx-2025-01-06.v10.csv", text(record(3, "7.00")))
    write_text(tmp_path, "bank", "more-2025-01-06.csv", text(record(4)))
    day = read(tmp_path)
    assert day.accepted.select("transaction_id", "amount").rows() == [
        ("id4", Decimal("1.0000")),
        ("id3", Decimal("7.0000")),
    ]


def test_a_duplicate_counts_once_the_lowest_by_name_and_line(tmp_path):
    write_text(tmp_path, "bank", "b-2025-01-06.csv", text(record(1, "9.00"), record(2)))
    write_text(tmp_path, "bank", "a-2025-01-06.csv", text(record(3), record(1), record(1, "2.00")))
    write_text(tmp_path, "shop", "a-2025-01-06.csv", text(record(1)))
    for shuffle in range(4):
        day = read(tmp_path, shuffle=shuffle)
        assert ids(day.accepted) == [
            ("id3", "bank/a-2025-01-06.csv", 2),
            ("id1", "bank/a-2025-01-06.csv", 3),
            ("id2", "bank/b-2025-01-06.csv", 3),
            ("id1", "shop/a-2025-01-06.csv", 2),
        ]
        assert ids(day.duplicates) == [
            ("id1", "bank/a-2025-01-06.csv", 4),
            ("id1", "bank/b-2025-01-06.csv", 2),
        ]
        assert day.conserved


def test_an_id_of_an_earlier_day_is_a_duplicate_in_its_source(tmp_path):
    next_day = DAY + timedelta(days=1)
    write_text(tmp_path, "bank", f"tx-{DAY}.csv", text(record(1), record(2)))
    write_text(tmp_path, "bank", f"tx-{next_day}.csv", text(record(2), record(3)))
    write_text(tmp_path, "shop", f"tx-{next_day}.csv", text(record(2)))
    seen = SeenIds()
    read(tmp_path, DAY, seen)
    day = read(tmp_path, next_day, seen)
    assert [row[0] for row in ids(day.duplicates)] == ["id2"]
    assert day.accepted.select("source", "transaction_id").rows() == [
        ("bank", "id3"),
        ("shop", "id2"),
    ]


def test_a_quarantined_record_makes_no_duplicate(tmp_path):
    write_text(tmp_path, "bank", f"tx-{DAY}.csv", text(record(1, "x"), record(1)))
    day = read(tmp_path)
    assert day.accepted.height == 1
    assert day.duplicates.is_empty()


def test_of_a_plain_and_a_compressed_file_one_is_read():
    files = [parse_feed_path(Path(f"bank/tx-2025-01-06.csv{end}")) for end in (".gz", "")]
    assert [file.path.suffix for file in current_versions(files)] == [".csv"]


AMOUNTS = st.lists(
    st.decimals(-(10**9), 10**9, places=2, allow_nan=False, allow_infinity=False), max_size=30
)


@given(st.lists(AMOUNTS, min_size=1, max_size=3))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_sums_are_those_of_python_decimals_and_of_duckdb(tmp_path_factory, days):
    landing = tmp_path_factory.mktemp("landing")
    frames, paths = [], []
    for offset, amounts in enumerate(days):
        day = DAY + timedelta(days=offset)
        write_feed(landing, "bank", day, [f"{amount:f}" for amount in amounts])
        frames.append(read(landing, day).accepted)
        paths.append(landing / f"{day}.parquet")
        frames[-1].write_parquet(paths[-1])
    dates = [DAY + timedelta(days=offset) for offset in range(len(days))]
    summary = summarise_by_day(paths)
    totals = dict(summary.select("date", "total_amount").rows())
    for offset, amounts in enumerate(days):
        assert totals.get(DAY + timedelta(days=offset), Decimal(0)) == sum(amounts, Decimal(0))
    summary.write_parquet(landing / "summary.parquet")
    assert disagreements(paths, [landing / "summary.parquet"], dates) == 0
    statistics = category_statistics(paths)
    assert sum(statistics["total"].to_list()) == sum(map(sum, days), 0)
    assert statistics["count"].sum() == sum(map(len, days))


def test_a_disagreement_is_counted(tmp_path):
    write_feed(tmp_path, "bank", DAY, ["1.00", "2.00"])
    rows = read(tmp_path).accepted
    rows.write_parquet(tmp_path / "rows.parquet")
    wrong = summarise_by_day([tmp_path / "rows.parquet"]).with_columns(
        (pl.col("total_amount") + pl.lit(Decimal("0.0001"))).cast(pl.Decimal(38, 4))
    )
    wrong.write_parquet(tmp_path / "summary.parquet")
    assert disagreements([tmp_path / "rows.parquet"], [tmp_path / "summary.parquet"], [DAY]) == 1
    wrong.clear().write_parquet(tmp_path / "summary.parquet")
    assert disagreements([tmp_path / "rows.parquet"], [tmp_path / "summary.parquet"], [DAY]) == 1


def test_category_statistics_by_hand(tmp_path):
    lines = [
        f"{n},{DAY},a,{category},{amount},{currency}"
        for n, (category, amount, currency) in enumerate(
            [("food", "1.00", "EUR"), ("food", "2.00", "EUR"), ("rent", "9.00", "EUR"),
             ("food", "100", "JPY")]
        )
    ]  # fmt: skip
    write_text(tmp_path, "bank", f"tx-{DAY}.csv", text(*lines))
    read(tmp_path).accepted.write_parquet(tmp_path / "rows.parquet")
    assert category_statistics([tmp_path / "rows.parquet"]).rows() == [
        (DAY, "food", "EUR", 2, 1.5, 1.5, Decimal(3), 0.25),
        (DAY, "food", "JPY", 1, 100.0, 100.0, Decimal(100), 1.0),
        (DAY, "rent", "EUR", 1, 9.0, 9.0, Decimal(9), 0.75),
    ]


def test_a_late_row_counts_on_its_own_date_in_the_history(tmp_path):
    next_day = DAY + timedelta(days=1)
    write_text(tmp_path, "bank", f"tx-{DAY}.csv", text(record(1, "1.00")))
    write_text(
        tmp_path, "bank", f"tx-{next_day}.csv", text(record(2, "5.00"), record(3, "7.00", next_day))
    )
    paths = [tmp_path / f"{day}.parquet" for day in (DAY, next_day)]
    for day, path in zip((DAY, next_day), paths, strict=True):
        read(tmp_path, day).accepted.write_parquet(path)
    summary = summarise_by_day(paths)
    assert summary.filter(date=DAY).rows() == [(DAY, "bank", "EUR", "c", Decimal(6), 2, 3.0, 1.0)]
    history = gather_history(summary.lazy())
    assert history.select("date", "total_amount", "transaction_count").rows() == [
        (DAY, Decimal(6), 2),
        (next_day, Decimal(7), 1),
    ]


def test_the_feeds_of_these_tests_are_sound(tmp_path):
    write_text(tmp_path, "bank", f"tx-{DAY}.csv", feed(DAY, ["1.00"]))
    assert read(tmp_path).accepted.height == 1
