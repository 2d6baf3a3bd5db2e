"""Whatever order files arrive in, the tables end the same."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg
import polars as pl
import pytest
from finance_feeds import HEADER, write_text
from test_runs import FIRST, landing, rows, run_days  # noqa: F401  (landing is a fixture)

from user_code.finance.automation import finance_recompute
from user_code.finance.domain.moved_duplicates import unsettled_days
from user_code.finance.recompute import MOST_ROUNDS, NotedDay, note_days, plan_runs

NEXT = FIRST + timedelta(days=1)
THIRD = FIRST + timedelta(days=2)


def text(day: date, *ids: str) -> str:
    lines = [f"{each},{day},a,c,1.00,EUR" for each in ids]
    return "\n".join([HEADER, *lines, ""])


def tick(publisher) -> list[dg.RunRequest]:
    context = dg.build_sensor_context(resources={"publisher": publisher})
    return list(finance_recompute(context).run_requests or [])


def settle(instance, publisher) -> int:
    """Runs what the sensor asks for until it asks for nothing; returns how many runs that took."""
    for runs in range(5):
        requests = tick(publisher)
        if not requests:
            return runs
        for request in requests:
            first = request.partition_key or request.tags["dagster/asset_partition_range_start"]
            last = request.partition_key or request.tags["dagster/asset_partition_range_end"]
            done = run_days(
                instance, publisher, date.fromisoformat(first), date.fromisoformat(last)
            )
            assert done.success
    raise AssertionError("the days never settle")


def accepted(warehouse) -> list[tuple]:
    return rows(
        warehouse,
        "SELECT file_date, transaction_id, file FROM finance.financial_transactions ORDER BY 1, 2",
    )


def test_a_late_file_of_an_earlier_day_takes_its_duplicates_back(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
):
    write_text(landing, "bank", f"tx-{NEXT}.csv", text(NEXT, "x", "y"))
    assert run_days(instance, publisher, NEXT, NEXT).success
    assert tick(publisher) == []
    write_text(landing, "bank", f"tx-{FIRST}.csv", text(FIRST, "x"))
    assert run_days(instance, publisher, FIRST, FIRST).success
    assert settle(instance, publisher) == 1
    expected = [(FIRST, "x", f"bank/tx-{FIRST}.csv"), (NEXT, "y", f"bank/tx-{NEXT}.csv")]
    assert accepted(warehouse) == expected
    write_text(landing, "bank", f"tx-{FIRST}.v2.csv", text(FIRST, "z"))
    assert run_days(instance, publisher, FIRST, FIRST).success
    assert [request.partition_key for request in tick(publisher)] == [str(NEXT)]
    assert settle(instance, publisher) == 1
    assert [row[:2] for row in accepted(warehouse)] == [(FIRST, "z"), (NEXT, "x"), (NEXT, "y")]
    assert rows(warehouse, "SELECT sum(transaction_count) FROM finance.daily_summary") == [(3,)]


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0)])
def test_days_in_any_order_of_arrival_give_the_same_tables(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
    order,
):
    days = [(FIRST, ("x",)), (NEXT, ("x", "y")), (THIRD, ("x", "y", "z"))]
    for number in order:
        day, ids = days[number]
        write_text(landing, "bank", f"tx-{day}.csv", text(day, *ids))
        assert run_days(instance, publisher, day, day).success
    settle(instance, publisher)
    assert [row[:2] for row in accepted(warehouse)] == [(FIRST, "x"), (NEXT, "y"), (THIRD, "z")]


def frame(tmp_path, name, *cells):
    path = tmp_path / f"{name}.parquet"
    schema = {"source": pl.String, "transaction_id": pl.String, "file_date": pl.Date}
    pl.DataFrame(list(cells), schema=schema, orient="row").write_parquet(path)
    return path


def test_only_days_with_touched_ids_are_unsettled(tmp_path):
    rows_ = frame(tmp_path, "rows", ("bank", "x", FIRST), ("bank", "x", NEXT), ("shop", "x", THIRD))
    lost = frame(tmp_path, "lost", ("bank", "gone", THIRD), ("bank", "x", THIRD))
    x, gone = (
        pl.DataFrame({"source": ["bank"], "transaction_id": [name]}) for name in ("x", "gone")
    )
    assert unsettled_days(x, [rows_], [lost]) == [NEXT]
    assert unsettled_days(gone, [rows_], [lost]) == [THIRD]
    assert unsettled_days(x, [rows_], []) == [NEXT]
    assert unsettled_days(x.clear(), [rows_], [lost]) == []


def test_days_that_follow_each_other_are_one_run_with_a_key_of_this_note():
    noted = [NotedDay(THIRD, "r1", 1), NotedDay(FIRST, "r2", 1), NotedDay(NEXT, "r1", 2)]
    (run,) = plan_runs(noted)
    assert run.partitions == (str(FIRST), str(NEXT), str(THIRD))
    assert run.run_key == f"recompute:{FIRST}..{THIRD}:r1.1,r1.2,r2.1"
    assert plan_runs([]) == []


def test_a_day_that_never_settles_alerts_instead_of_running_for_ever(publisher, warehouse):
    for round_ in range(MOST_ROUNDS + 1):
        assert len(tick(publisher)) == (1 if round_ else 0)
        note_days(warehouse, [str(FIRST)], [FIRST], f"run{round_}")
    assert tick(publisher) == []
    assert rows(warehouse, "SELECT key, state FROM ops.alerts") == [("finance.unsettled", "open")]
    note_days(warehouse, [str(FIRST)], [], "by hand")
    assert rows(warehouse, "SELECT count(*) FROM finance.days_to_recompute") == [(0,)]
    assert tick(publisher) == []
    assert rows(warehouse, "SELECT state FROM ops.alerts") == [("closed",)]
