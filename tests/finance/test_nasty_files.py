"""Files as they come in real life: what is read, what is refused, and what the user is told."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from user_code.finance.domain.feed_files import parse_feed_path
from user_code.finance.domain.ingest import FileRead, read_file

HEADER = b"transaction_id,booked_at,account_id,category,amount,currency\n"
GOOD = b"t1,2025-01-06,a,c,1.00,EUR\n"
FEED = HEADER + GOOD
LACKS = "file: its header lacks the column transaction_id; "
UNREADABLE = "file: its header cannot be read "
NO_NUMBER = "amount: no plain decimal number in the contract's form"

REFUSED = {
    "two byte order marks": (
        b"\xef\xbb\xbf\xef\xbb\xbf" + FEED,
        LACKS + "it begins with two byte order marks: leave one away",
    ),
    "no header": (GOOD + GOOD, LACKS + "its first line looks like a record: a header is required"),
    "tabs": (
        FEED.replace(b",", b"\t"),
        LACKS + "its fields are separated by a tab: say so by `delimiter` in the contract",
    ),
    "semicolons": (
        FEED.replace(b",", b";"),
        LACKS + "its fields are separated by a semicolon: say so by `delimiter` in the contract",
    ),
    "capital letters": (
        HEADER.upper() + GOOD,
        LACKS
        + "it has them in other letters, small or capital: name them by `columns` in the contract",
    ),
    "a spreadsheet's first line": (
        b"sep=,\n" + FEED,
        LACKS + "it begins with a spreadsheet's sep= line: leave it away",
    ),
    "a web page": (
        b"<!DOCTYPE html><html>Log in</html>\n",
        LACKS + "it is a web page or XML, perhaps a login page that was saved as the feed",
    ),
    "other columns": (b"day,total\n2025-01-06,1.00\n", LACKS[:-2]),
    "a column twice": (
        HEADER.replace(b"\n", b",amount\n") + GOOD,
        "file: its header names twice the column amount",
    ),
    "UTF-16": (
        FEED.decode().encode("utf-16"),
        UNREADABLE + "(bytes: not valid utf-8); it is UTF-16: save it as UTF-8",
    ),
    "a workbook": (
        b"PK\x03\x04\0\0\n\0\n",
        UNREADABLE
        + "(bytes: a NUL); it is a workbook or a ZIP archive: save the table as CSV",
    ),
    "carriage returns alone": (
        FEED.replace(b"\n", b"\r"),
        UNREADABLE + "(bytes: a carriage return inside the line); its lines end with carriage "
        "returns alone: convert the line ends",
    ),
    "nothing": (b"", "file: empty, without even a header"),
}  # fmt: skip


def read(tmp_path: Path, content: bytes, suffix: str = "") -> FileRead:
    path = tmp_path / "bank" / f"tx-2025-01-06.csv{suffix}"
    path.parent.mkdir()
    path.write_bytes(content)
    file = parse_feed_path(path)
    assert file is not None
    found = read_file(file)
    assert found.records == found.sound.height + found.quarantined.height
    return found


def reasons(found: FileRead) -> list[tuple[int, str]]:
    return found.quarantined.select("line", pl.col("reasons").list.join("; ")).rows()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_feed_is_refused_with_the_likely_cause(tmp_path: Path, name: str) -> None:
    content, told = REFUSED[name]
    assert read(tmp_path, content).refused == told


def test_a_file_named_gz_that_is_none(tmp_path: Path) -> None:
    found = read(tmp_path, FEED, ".gz")
    assert found.refused == "file: named .gz, but it is no gzip file, or its beginning is damaged"


def test_a_gzip_file_that_is_cut_off_is_refused_with_the_rows_it_still_has(tmp_path: Path) -> None:
    rows = b"".join(b"t%d,2025-01-06,a,c,1.00,EUR\n" % number for number in range(20_000))
    found = read(tmp_path, gzip.compress(HEADER + rows)[:-500], ".gz")
    assert found.refused == "file: its gzip stream is damaged or cut off"
    assert 10_000 < found.quarantined.height < 20_000


def test_a_gzip_file_of_two_members_is_read_whole(tmp_path: Path) -> None:
    found = read(tmp_path, gzip.compress(FEED) + gzip.compress(b"t2" + GOOD[2:]), ".gz")
    assert found.sound["transaction_id"].to_list() == ["t1", "t2"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (GOOD.replace(b"1.00", "−1.00".encode()), NO_NUMBER),
        (GOOD.replace(b"1.00", "1\u00a0000.00".encode()), NO_NUMBER),
        (GOOD.replace(b"1.00", b"1 000.00"), NO_NUMBER),
        (GOOD.replace(b",c,", b",caf\xe9,"), "bytes: not valid utf-8"),
        (GOOD.replace(b",c,", b",c\0,"), "bytes: a NUL"),
        (GOOD.replace(b",c,", b",c\r,"), "bytes: a carriage return inside the line"),
        (GOOD.replace(b",c,", b',"c,'), "quote: stray or not closed on its line"),
        (GOOD.replace(b",c,", b"," + b"x" * 10_000_000 + b","), "category: too long"),
        (b"Total,,,,1.00,\n", "booked_at: empty; account_id: empty; category: empty; "
         "currency: empty"),
        (b"(2 rows)\n", "fields: too few"),
        (GOOD[:-1] + b",more\n", "fields: too many"),
    ],
)  # fmt: skip
def test_a_bad_record_costs_itself_alone(tmp_path: Path, row: bytes, told: str) -> None:
    found = read(tmp_path, FEED + row + b"\r\n" + b"t2" + GOOD[2:].replace(b"\n", b"\r\n"))
    assert found.sound["transaction_id"].to_list() == ["t1", "t2"]
    assert reasons(found) == [(3, told)]


def test_a_header_alone_is_an_empty_day_and_no_fault(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER)
    assert (found.records, found.refused) == (0, "")
