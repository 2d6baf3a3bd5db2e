"""The quick ways for plain lines and plain fields give what the full ways give, row by row."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from finance_feeds import HEADER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from user_code.finance.domain import file_parts, plain_fields
from user_code.finance.domain.feed_files import parse_feed_path
from user_code.finance.domain.ingest import read_file
from user_code.finance.domain.source_contract import SourceContract

DAY = date(2025, 1, 6)
TEXT = st.sampled_from(
    ["a", " a", "a\t", "é", "\xa0x", "", "x" * 201, 'q"', '"q"', "\0", "\r", "1,2", "\ufeff"]
)
FIELD = {
    "id": st.one_of(st.sampled_from(["i1", "i2", "i3", "i4"]), TEXT),
    "time": st.sampled_from(
        [
            "2025-01-06T12:00:00Z", "2025-01-06T24:00:00Z", "2025-02-30T12:00:00Z", "2025-01-06",
            "2025-01-07T00:00:00Z", "2024-12-29T00:00:00Z", "2025-01- 6T12:00:00Z", "",
            "2025-01-06T12:00:60Z", "2025-01-06 12:00:00+02:00", "20250106T120000Z",
            "2025-01-05 23:59:59", "2025-01-06T12:00:00", "2024-12-30", "2025-13-01", "2025-01-06T",
            "1969-12-31", "2025-01-06T12:00:0/Z", "2025/01/06",
        ]
    ),
    "amount": st.sampled_from(
        ["1.00", "-0.10", "+1.00", "1", "1.001", "1e3", ".5", "1.", "NaN", "inf", "", "0.00000",
         " 1.00", "99999999999999.99", "999999999999999.99", "1.5",
         "-7", "--1", "1.2.3", "1.2345", "-.5", "123456789012345678.00", "-", "\u0661.00"]
    ),
    "currency": st.sampled_from(["EUR", "JPY", "KWD", "eur", "", "XXXX", "AB1", "USD ", "BHD"]),
}  # fmt: skip
ROW = st.tuples(FIELD["id"], FIELD["time"], TEXT, TEXT, FIELD["amount"], FIELD["currency"]).map(
    ",".join
)
PLAIN = st.integers(1, 9).map(lambda n: f"k{n},2025-01-06T12:00:00Z,a,c,{n}.50,EUR")
LINES = st.lists(st.one_of(PLAIN, PLAIN, PLAIN, ROW), min_size=1, max_size=30)


@given(LINES, st.booleans(), st.sampled_from(["utf-8", "latin-1"]))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_ways_give_the_same(tmp_path_factory, lines, windows, encoding):
    end = "\r\n" if windows else "\n"
    folder = tmp_path_factory.mktemp("feed") / "bank"
    folder.mkdir()
    path = folder / f"tx-{DAY}.csv"
    path.write_bytes(end.join([HEADER, *lines]).encode(encoding, "replace"))
    file = parse_feed_path(path)
    quick = read_file(file)
    with pytest.MonkeyPatch.context() as compiled:
        compiled.setattr(file_parts, "FAST_FROM_BYTES", 0)
        fast = read_file(file)
    with pytest.MonkeyPatch.context() as slow:
        slow.setattr(file_parts, "split_block", lambda *_: None)
        slow.setattr(plain_fields, "_has_quick_form", lambda _: False)
        full = read_file(file)
    for read in (quick, fast):
        assert_frame_equal(read.sound, full.sound)
        assert_frame_equal(read.quarantined, full.quarantined)
        assert read.records == full.records


def test_large_files_are_read_by_compiled_code(tmp_path, monkeypatch):
    file = feed(tmp_path, [f"k{n},{DAY},a,c,{n}.50,EUR" for n in range(40_000)] + ["x,y"])
    assert file.path.stat().st_size > file_parts.FAST_FROM_BYTES
    monkeypatch.setattr(file_parts, "split_block", None)
    read = read_file(file)
    assert (read.sound.height, read.quarantined.height) == (40_000, 1)
    assert read.sound["amount"].sum() == sum(Decimal(f"{n}.50") for n in range(40_000))
    assert read.sound["line"].to_list() == list(range(2, 40_002))


def test_days_of_a_leap_year_and_of_others_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(file_parts, "FAST_FROM_BYTES", 0)
    days = [date(1999, 12, 30) + timedelta(days=n) for n in range(1500)]
    real = [f"k{day},{day}T23:59:59Z,a,c,1,EUR" for day in days]
    unreal = [f"u{day},{day},a,c,1,EUR" for day in ("2001-02-29", "2000-02-30", "2000-04-31")]
    (tmp_path / "bank").mkdir()
    path = tmp_path / "bank" / f"tx-{days[-1]}.csv"
    path.write_text("\n".join([HEADER, *real[-366:], *unreal]))
    read = read_file(parse_feed_path(path), SourceContract(window_days=366))
    assert read.sound["date"].to_list() == days[-366:]
    assert read.sound["booked_at"].dt.date().to_list() == days[-366:]
    assert read.quarantined.height == 3


def test_files_that_are_mostly_unusual_go_the_general_way(tmp_path, monkeypatch):
    monkeypatch.setattr(file_parts, "FAST_FROM_BYTES", 0)
    lines = [f"k{n},{DAY}T12:00+02:00,a,c,1,EUR" for n in range(5_000)]
    file = feed(tmp_path, [*lines, f"last,{DAY},a,c,1,EUR"])
    read = read_file(file)
    assert read.sound.height == 5001
    assert read.sound["line"].to_list() == list(range(2, 5003))


def test_another_decimal_mark_and_own_digits(tmp_path, monkeypatch):
    monkeypatch.setattr(file_parts, "FAST_FROM_BYTES", 0)
    contract = SourceContract(delimiter=";", decimal=",", digits={"EUR": 3})
    rows = [f"{n};{DAY};a;c;{amount};EUR" for n, amount in enumerate(["-1,234", "5", "1.000,00"])]
    (tmp_path / "bank").mkdir()
    path = tmp_path / "bank" / f"tx-{DAY}.csv"
    path.write_text("\n".join([HEADER.replace(",", ";"), *rows]))
    read = read_file(parse_feed_path(path), contract)
    assert read.sound["amount"].to_list() == [Decimal("-1.234"), Decimal(5)]
    assert read.quarantined["line"].to_list() == [4]


def feed(tmp_path, lines):
    (tmp_path / "bank").mkdir()
    path = tmp_path / "bank" / f"tx-{DAY}.csv"
    path.write_text("\n".join([HEADER, *lines]))
    return parse_feed_path(path)


def test_blocks_are_cut_between_lines(tmp_path, monkeypatch):
    (tmp_path / "bank").mkdir()
    path = tmp_path / "bank" / f"tx-{DAY}.csv"
    lines = [f"k{n},2025-01-06T12:00:00Z,a,c,{n}.50,EUR" for n in range(500)]
    path.write_text("\n".join([HEADER, *lines]))
    whole = read_file(parse_feed_path(path))
    monkeypatch.setattr("user_code.finance.domain.file_lines.BLOCK_BYTES", 97)
    assert_frame_equal(read_file(parse_feed_path(path)).sound, whole.sound)
    assert whole.sound["line"].to_list() == list(range(2, 502))


def multiline(tmp_path, text: str) -> tuple[list[tuple], list[tuple]]:
    (tmp_path / "bank").mkdir(exist_ok=True)
    path = tmp_path / "bank" / f"tx-{DAY}.csv"
    path.write_text(f"{HEADER}\n{text}")
    read = read_file(parse_feed_path(path), SourceContract(multiline=True))
    assert read.records == read.sound.height + read.quarantined.height
    return (
        read.sound.select("line", "category").rows(),
        read.quarantined.select("line", pl.col("reasons").list.first()).rows(),
    )


STRAY = "quote: stray or not closed on its line"


def row(name: str, category: str = "c") -> str:
    return f"{name},{DAY},a,{category},1.00,EUR\n"


def test_quoted_fields_may_hold_line_ends_where_the_contract_says_so(tmp_path):
    text = row("1") + row("2", '"two\n\nlines, ""x"""') + row("3")
    assert multiline(tmp_path, text) == ([(2, "c"), (3, 'two\n\nlines, "x"'), (6, "c")], [])


def test_a_quote_that_is_not_closed_within_64_kib_costs_its_line_alone(tmp_path):
    many = "".join(row(f"n{n}") for n in range(3000))
    sound, unsound = multiline(tmp_path, row("1", '"open') + many)
    assert len(sound) == 3000
    assert unsound == [(2, STRAY)]


def test_a_quote_that_is_not_closed_before_the_end_costs_its_line_alone(tmp_path):
    sound, unsound = multiline(tmp_path, row("1", '"open') + row("2"))
    assert (sound, unsound) == ([(3, "c")], [(2, STRAY)])


def test_a_stray_quote_does_not_swallow_the_quoted_record_after_it(tmp_path):
    sound, unsound = multiline(tmp_path, row("1", '"open') + row("2", '"quoted"') + row("3"))
    assert (sound, unsound) == ([(3, "quoted"), (4, "c")], [(2, STRAY)])
