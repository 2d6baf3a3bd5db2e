"""Line items of daily feeds: what is found, what it is called, and what is left alone."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from user_code.cli import main
from user_code.finance.domain.contracts import LINE_FINDINGS
from user_code.finance.domain.line_findings import find_unusual_lines
from user_code.finance.domain.lines_table import as_lines

FIRST = date(2023, 1, 2)
FAULTY = date(2023, 6, 13)
LATE = date(2023, 12, 12)


def _feed(lines: int = 12, weeks: int = 25, source: str = "bank", seed: int = 5) -> pl.DataFrame:
    """Business days; each line has its level, its Mondays, and strays by about 15 %."""
    random = np.random.default_rng(seed)
    days = [day for n in range(weeks * 7) if (day := FIRST + timedelta(n)).weekday() < 5]
    level = random.uniform(3, 9, lines)
    monday = random.uniform(-0.5, 0.5, lines)
    return pl.DataFrame(
        [
            (day, source, f"line {n:02}", amount)
            for day in days
            for n, amount in enumerate(
                np.exp(level + monday * (day.weekday() == 0) + random.normal(0, 0.15, lines))
            )
        ],
        schema=["date", "source", "line", "amount"],
        orient="row",
    )


def _change(feed: pl.DataFrame, factor: float, day: date = FAULTY) -> pl.DataFrame:
    there = pl.col("date") == day
    return feed.with_columns(pl.when(there).then(pl.col("amount") * factor).otherwise("amount"))


def _without(feed: pl.DataFrame, lines: int) -> pl.DataFrame:
    gone = (pl.col("date") == FAULTY) & (pl.col("line") < f"line {lines:02}")
    return feed.filter(~gone)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda feed: _change(feed, 0.5), "half", "looks like half of the feed"),
        (lambda feed: _change(feed, 2), "double", "delivered twice"),
        (lambda feed: _change(feed, 10), "unit", "in another unit"),
        (lambda feed: _change(feed, 0.01), "unit", "in another unit"),
        (lambda feed: _change(feed, 0), "outage", "an outage"),
        (lambda feed: _without(feed, 99), "outage", "an outage"),
        (lambda feed: _without(feed, 6), "mix", "part of the lines"),
        (lambda feed: pl.concat([feed, feed.filter(pl.col("date") == FAULTY)]), "double", "twice"),
    ],
    ids=["half", "double", "ten", "hundredth", "zeros", "absent", "half of lines", "rows"],
)
def test_a_faulty_day_is_found_named_and_explained(tmp_path, change, kind, words):
    feed = as_lines(change(_feed()), tmp_path)
    found = find_unusual_lines(feed, date(2023, 4, 14))
    assert LINE_FINDINGS.problems(found.schema) == []
    (row,) = [row for row in found.iter_rows(named=True) if row["date"] == FAULTY]
    assert row["kind"] == kind
    assert words in row["reason"]
    others = found.filter((pl.col("date") != FAULTY) & (pl.col("kind") != "line"))
    assert others.is_empty()


def test_one_line_times_ten_is_found_among_many():
    feed = _feed(lines=9, weeks=51)
    there = (pl.col("date") == LATE) & (pl.col("line") == "line 03")
    faulty = feed.with_columns(pl.when(there).then(pl.col("amount") * 10).otherwise("amount"))
    found = find_unusual_lines(faulty, LATE)
    assert found.select("date", "kind", "lines").row(0) == (LATE, "line", "line 03")
    assert found["observed"][0] == pytest.approx(10 * found["expected"][0], rel=0.6)


def test_a_single_series_is_judged_by_itself():
    found = find_unusual_lines(_change(_feed(lines=1, weeks=51), 10, LATE), LATE)
    assert found.select("date", "kind", "lines").row(0) == (LATE, "unit", "line 00")


def test_early_on_only_what_is_gross_is_said_of_a_single_series():
    feed = _feed(lines=1)
    assert find_unusual_lines(_change(feed, 10), FAULTY)["kind"].to_list()[:1] == ["unit"]
    assert find_unusual_lines(_change(feed, 1.5)).is_empty()


def test_later_days_change_nothing_that_was_said_of_earlier_ones():
    feed = _change(_feed(), 2)
    whole = find_unusual_lines(feed)
    cut = find_unusual_lines(feed.filter(pl.col("date") <= FAULTY))
    assert FAULTY in cut["date"]
    assert whole.filter(pl.col("date") <= FAULTY).equals(cut)


def test_incidents_are_found_but_teach_nothing():
    days = [FAULTY - timedelta(n) for n in range(0, 20)]
    bad = pl.col("date").is_in(days)
    feed = _feed().with_columns(pl.when(bad).then(pl.col("amount") * 2).otherwise("amount"))
    incidents = pl.DataFrame({"date": days, "source": "bank"})
    found = find_unusual_lines(feed, days[-1], incidents)
    wanted = [day for day in feed["date"].unique().sort() if day in days]
    assert found.filter(pl.col("kind") == "double")["date"].to_list() == wanted
    assert found.filter(pl.col("date") > FAULTY).filter(pl.col("kind") != "line").is_empty()


def test_a_source_does_not_depend_on_the_others():
    feed = _change(_feed(), 0.5)
    both = find_unusual_lines(pl.concat([feed, _feed(source="other", seed=9)]))
    alone = find_unusual_lines(feed)
    assert both.filter(pl.col("source") == "bank").equals(alone)


def test_little_history_says_nothing():
    assert find_unusual_lines(_feed(weeks=7)).is_empty()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_command_line_reads_and_writes_both_forms(tmp_path, suffix):
    table, out = tmp_path / f"t.{suffix}", tmp_path / f"found.{suffix}"
    feed = _change(_feed(), 0.5)
    feed.write_csv(table) if suffix == "csv" else feed.write_parquet(table)
    known = tmp_path / "known.csv"
    known.write_text(f"date,source\n{FAULTY},bank\n")
    call = ["finance", "detect", str(table), "--out", str(out), "--incidents", str(known)]
    assert main([*call, "--from", str(FAULTY)]) == 0
    found = pl.read_csv(out, try_parse_dates=True) if suffix == "csv" else pl.read_parquet(out)
    assert found.columns == list(LINE_FINDINGS.columns)
    assert (found["date"][0], found["kind"][0]) == (FAULTY, "half")
    assert main([*call, "--from", "2031-01-01"]) == 0
    assert (pl.read_csv(out) if suffix == "csv" else pl.read_parquet(out)).is_empty()


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ("2025-01-06,a,x,1e999", [], "1 rows with no number in amount, the first is row 1"),
        ("2025-01-06,a,x,", [], "no number in amount"),
        ("6.1.2025,a,x,1", [], "no date (YYYY-MM-DD) in date"),
        ("2025-01-06,,x,1", [], "no text in source"),
        ("2025-01-06,a,x,1", ["--from", "soon"], "--from: 'soon' is no date"),
        ("2025-01-06,a,x,1", ["--threshold", "3"], "learn their limits"),
        ("2025-01-06,a,x,1", ["--incidents", "none.csv"], "none.csv: no such file"),
        ("2025-01-06,a,x,1", ["--incidents", "bad.csv"], "bad.csv: lacks the column source"),
    ],
)
def test_a_wrong_input_is_refused_in_one_line(tmp_path, monkeypatch, capsys, rows, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(f"date,source,line,amount\n{rows}\n")
    (tmp_path / "bad.csv").write_text("date\n2025-01-06\n")
    assert main(["finance", "detect", "t.csv", "--out", "f.csv", *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1


def test_real_line_items(shared_data):
    """Two years of the US Daily Treasury Statement with faults that teach nothing to later days."""
    items = pl.read_csv(
        shared_data / "finance/us_treasury_daily_items_2005_2010.csv.gz", try_parse_dates=True
    ).filter(
        (pl.col("date") < date(2006, 12, 31))
        & ~pl.col("item").str.contains("Total|Transfers|Change in")
    )
    feed = as_lines(
        items.select(
            "date",
            pl.lit("treasury").alias("source"),
            (pl.col("side") + "/" + pl.col("item")).alias("line"),
            pl.col("today_musd").alias("amount"),
        ),
        shared_data,
    )
    days = feed["date"].unique().sort().to_list()[250:-1]
    faults = {day: (0.5, 2.0, 10.0)[n % 3] for n, day in enumerate(days[::4])}
    factor = pl.col("date").replace_strict(faults, default=1.0)
    incidents = pl.DataFrame({"date": list(faults), "source": "treasury"})
    found = find_unusual_lines(
        feed.with_columns(pl.col("amount") * factor), days[0], incidents
    ).filter(pl.col("kind") != "line")
    kinds = dict(found.select("date", "kind").iter_rows())
    named = {0.5: "half", 2.0: "double", 10.0: "unit"}
    missed = [day for day, factor in faults.items() if kinds.get(day) != named[factor]]
    assert len(missed) <= 0.01 * len(faults), missed
    false = sorted(set(kinds) - set(faults))
    assert len(false) <= 2, false
