"""The quarantine in counts, a replay after a fix, and the views that analysts read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from finance_feeds import HEADER, write_feed, write_text
from test_recompute import settle, tick
from test_runs import FIRST, landing, rows, run_days  # noqa: F401  (landing is a fixture)

from user_code.finance import replay
from user_code.finance.domain.quarantine_counts import count_quarantine, main
from user_code.finance.replay import days_of, note_replay

NEXT = FIRST + timedelta(days=1)


def test_counts_by_source_day_and_reason_and_no_raw_line(
    instance,
    publisher,
    landing,  # noqa: F811
    capsys,
):
    write_feed(landing, "bank", FIRST, ["1.10", "secret", "x"])
    write_feed(landing, "till", NEXT, ["zzz"])
    assert run_days(instance, publisher, FIRST, NEXT).success
    folder = publisher.base / "quarantine/finance"
    counts = count_quarantine(folder)
    assert counts.select("source", "file_date", "records").rows() == [
        ("bank", FIRST, 2),
        ("till", NEXT, 1),
    ]
    assert main([str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "secret" not in printed
    assert f"bank    {FIRST}        2  " in printed


def test_an_empty_or_absent_quarantine_is_said(tmp_path, capsys):
    assert main([str(tmp_path / "none")]) == 0
    assert capsys.readouterr().out == "nothing is in quarantine\n"


def test_a_replay_after_a_fix_of_the_contract_takes_records_out_of_the_quarantine(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
):
    old = FIRST - timedelta(days=20)
    write_text(landing, "bank", f"tx-{FIRST}.csv", f"{HEADER}\nx,{old},a,c,1.50,EUR\n")
    write_feed(landing, "other", NEXT, ["1.00"])
    assert run_days(instance, publisher, FIRST, NEXT).success
    folder = publisher.base / "quarantine/finance"
    assert count_quarantine(folder).select("source", "records").rows() == [("bank", 1)]
    (landing.parent / "contracts/bank.yaml").write_text("window_days: 30\n")
    mark = note_replay(warehouse, days_of(landing, "bank"))
    (request,) = tick(publisher)
    assert (request.partition_key, mark in request.run_key) == (str(FIRST), True)
    assert settle(instance, publisher) == 1
    assert count_quarantine(folder).is_empty()
    amounts = "SELECT amount FROM finance.financial_transactions WHERE source = 'bank'"
    assert rows(warehouse, amounts) == [(Decimal("1.5000"),)]


def test_each_replay_asks_for_new_runs(warehouse, publisher):
    first = note_replay(warehouse, [FIRST])
    again = note_replay(warehouse, [FIRST, NEXT])
    (request,) = tick(publisher)
    assert again in request.run_key
    assert first not in request.run_key
    assert request.tags["dagster/asset_partition_range_end"] == str(NEXT)


def test_days_are_those_of_the_source_alone(landing):  # noqa: F811
    write_feed(landing, "bank", FIRST, ["1.00"])
    write_feed(landing, "bank", NEXT, ["1.00"])
    write_feed(landing, "other", NEXT + timedelta(days=1), ["1.00"])
    assert days_of(landing, "bank") == {FIRST, NEXT}
    assert days_of(landing, "bank", NEXT) == {NEXT}
    assert days_of(landing, "bank", NEXT + timedelta(days=1)) == set()


def test_days_without_a_partition_are_never_asked_for(
    publisher,
    warehouse,
    landing,  # noqa: F811
):
    today = datetime.now(UTC).date()
    tomorrow, long_ago = today + timedelta(days=1), date(1999, 12, 31)
    for day in (long_ago, FIRST, today, tomorrow):
        write_feed(landing, "bank", day, ["1.00"])
    assert days_of(landing, "bank") == {FIRST, today}
    note_replay(warehouse, [long_ago, today, tomorrow])
    (request,) = tick(publisher)
    assert request.partition_key == str(today)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "which source?"), ([""], "which source?"), (["nobody"], "no file of the source nobody")],
)
def test_a_replay_of_nothing_says_why(landing, capsys, arguments, words):  # noqa: F811
    write_text(landing, "bank", f"tx-{FIRST}.csv", "x\n")
    assert replay.main(arguments) == 1
    assert words in capsys.readouterr().err


def test_views_show_what_the_tables_hold(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
):
    write_feed(landing, "bank", FIRST, ["1.10", "2.20"])
    assert run_days(instance, publisher, FIRST, FIRST).success
    total = rows(warehouse, "SELECT date, source, total_amount FROM finance.daily_totals")
    assert total == [(FIRST, "bank", Decimal("3.3000"))]
    by_category = "SELECT sum(total_amount), sum(transaction_count) FROM finance.category_totals"
    assert rows(warehouse, by_category) == [(Decimal("3.3000"), 2)]
    assert rows(warehouse, "SELECT count(*) FROM finance.unusual_days") == [(0,)]
    granted = "SELECT has_table_privilege('analyst', 'finance.daily_totals', 'SELECT')"
    assert rows(warehouse, granted) == [(True,)]
