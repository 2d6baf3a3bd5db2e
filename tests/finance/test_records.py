"""Whatever bytes a file holds, each physical record ends in exactly one place."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pytest
from finance_feeds import HEADER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from user_code.finance.domain.feed_files import parse_feed_path
from user_code.finance.domain.ingest import DayRead, SeenIds, read_day
from user_code.finance.domain.records import count_records
from user_code.finance.domain.source_contract import SourceContract

DAY = date(2025, 1, 6)
GOOD = f"id1,{DAY},a1,food,12.30,EUR"


def read(folder: Path, content: bytes, name: str = f"tx-{DAY}.csv", **form) -> DayRead:
    """The day whose one file, of source `bank`, holds `content`."""
    path = folder / "bank" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    file = parse_feed_path(path)
    assert file is not None
    return read_day(DAY, [file], {"bank": SourceContract(**form)}, SeenIds())


def read_records(folder: Path, *records: bytes | str) -> DayRead:
    """The same for these lines below the default header."""
    lines = [each if isinstance(each, bytes) else each.encode() for each in records]
    return read(folder, b"\n".join([HEADER.encode(), *lines, b""]))


def naive_records(content: bytes) -> list[bytes]:
    """Lines that are neither empty nor the header, by the simplest code that could do it."""
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    lines = [line[:-1] if line[-1:] == b"\r" else line for line in lines]
    return [line for line in lines if line][1:]


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_are_conserved(tmp_path_factory, content):
    day = read(tmp_path_factory.mktemp("feed"), content)
    assert day.records == len(naive_records(content))
    assert day.conserved


PIECES = st.sampled_from(
    [GOOD, "id2", ",", '"', '""', "\0", "\r", "\n", "\n", "é", "\xff", "1e3", "EUR", GOOD + "\n"]
)


@given(st.lists(PIECES, max_size=40), st.booleans(), st.booleans())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_torn_feeds_are_conserved_line_by_line(tmp_path_factory, pieces, bom, compressed):
    body = "".join(pieces).encode("latin-1")
    content = (b"\xef\xbb\xbf" if bom else b"") + HEADER.encode() + b"\n" + body
    folder = tmp_path_factory.mktemp("feed")
    if compressed:
        day = read(folder, gzip.compress(content), f"tx-{DAY}.csv.gz")
    else:
        day = read(folder, content)
    expected = naive_records(content)
    assert day.records == len(expected)
    assert day.conserved
    kept = dict(zip(day.quarantined["line"], day.quarantined["raw_line"], strict=True))
    places = [*kept, *day.accepted["line"], *day.duplicates["line"]]
    assert len(set(places)) == len(expected)
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, raw in kept.items():
        assert lines[number - 1].removesuffix(b"\r") == raw


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (f'id2,{DAY},a1,fo"od,1,EUR', "quote: stray or not closed on its line"),
        (f'id2,{DAY},a1,"food,1,EUR', "quote: stray or not closed on its line"),
        (f'id2,{DAY},a1,"food"x,1,EUR', "quote: stray or not closed on its line"),
        (f"id2,{DAY},a1,fo\0od,1,EUR", "bytes: a NUL"),
        (f"id2,{DAY},a1,fo\rod,1,EUR", "bytes: a carriage return inside the line"),
        (b"id2,2025-01-06,a1,\xff,1,EUR", "bytes: not valid utf-8"),
        (f"id2,{DAY},a1,food,1", "fields: too few"),
        (f"id2,{DAY},a1,food,1,EUR,", "fields: too many"),
        ("   ", "fields: too few"),
    ],
)
def test_a_broken_record_costs_only_itself(tmp_path, record, reason):
    day = read_records(tmp_path, GOOD, record, GOOD.replace("id1", "id3"))
    assert day.accepted["transaction_id"].to_list() == ["id1", "id3"]
    assert day.quarantined.select("source", "file", "line", "raw_line", "reasons").rows() == [
        (
            "bank",
            f"bank/tx-{DAY}.csv",
            3,
            record if isinstance(record, bytes) else record.encode(),
            [reason],
        )
    ]


def test_quoted_fields_may_hold_delimiters_and_quotes(tmp_path):
    day = read_records(tmp_path, f'"id1",{DAY},a1,"food, ""fresh""",12.30,"EUR"')
    assert day.accepted["category"].to_list() == ['food, "fresh"']


def test_bom_crlf_empty_lines_and_a_missing_last_newline_are_no_fault(tmp_path):
    content = b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n\r\n" + GOOD.encode() + b"\r\n\r\n"
    day = read(tmp_path, content + GOOD.replace("id1", "id2").encode())
    assert day.accepted["line"].to_list() == [3, 5]
    assert day.records == 2


def test_columns_are_found_by_name_and_others_ignored(tmp_path):
    day = read(tmp_path, f"note,currency,amount,category,account_id,booked_at,transaction_id\n"
                         f"x,EUR,1.00,c,a,{DAY},id1\n".encode())  # fmt: skip
    assert day.accepted["account_id"].to_list() == ["a"]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (HEADER.replace("amount", "betrag"), "file: its header lacks the column amount"),
        (HEADER.replace("account_id", "amount"), "file: its header lacks the column account_id"),
        (HEADER + ",amount", "file: its header names twice the column amount"),
        (HEADER + '"', "file: its header cannot be read (quote: stray or not closed on its line)"),
    ],
)
def test_without_a_usable_header_every_record_is_refused_with_the_reason(tmp_path, header, reason):
    day = read(tmp_path, f"{header}\n{GOOD}\n{GOOD}\n".encode())
    assert day.accepted.is_empty()
    assert day.quarantined["reasons"].to_list() == [[reason], [reason]]
    assert day.refused_files == {f"bank/tx-{DAY}.csv": reason}


def test_an_empty_file_is_refused_not_ignored(tmp_path):
    day = read(tmp_path, b"")
    assert day.refused_files == {f"bank/tx-{DAY}.csv": "file: empty, without even a header"}
    assert day.records == 0


def test_a_cut_gzip_stream_refuses_the_file_and_keeps_what_could_be_read(tmp_path):
    text = "\n".join([HEADER, *(GOOD.replace("id1", f"id{n}") for n in range(5000))])
    whole = gzip.compress(text.encode())
    day = read(tmp_path, whole[: len(whole) // 2], f"tx-{DAY}.csv.gz")
    assert day.accepted.is_empty()
    assert 0 < day.records == day.quarantined.height < 5000
    assert day.quarantined["reasons"].explode().unique().to_list() == [
        "file: its gzip stream is damaged or cut off"
    ]


def test_what_is_no_gzip_at_all_is_refused(tmp_path):
    day = read(tmp_path, b"id,amount\n", f"tx-{DAY}.csv.gz")
    assert list(day.refused_files.values()) == [
        "file: named .gz, but it is no gzip file, or its beginning is damaged"
    ]


def test_a_file_that_cannot_be_opened_is_refused_with_the_systems_reason(tmp_path):
    (tmp_path / "bank" / f"tx-{DAY}.csv").mkdir(parents=True)
    file = parse_feed_path(tmp_path / "bank" / f"tx-{DAY}.csv")
    day = read_day(DAY, [file], {}, SeenIds())
    assert list(day.refused_files.values()) == ["file: cannot be opened (Is a directory)"]


def test_records_are_counted_without_parsing(tmp_path):
    read_records(tmp_path, GOOD, "nonsense", '"')
    assert count_records(tmp_path / "bank" / f"tx-{DAY}.csv") == 3
