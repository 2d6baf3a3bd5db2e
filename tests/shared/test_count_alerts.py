"""The newest day of a feed: too few rows, or far from usual."""

from datetime import date, timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from user_code.shared import count_alerts
from user_code.shared.count_alerts import build_count_alerts, judge_counts
from user_code.shared.publishing import Publisher

LAST = date(2025, 6, 30)


def history(*counts: int) -> dict[date, int]:
    """Counts of the days up to and with LAST."""
    return {LAST - timedelta(len(counts) - 1 - back): rows for back, rows in enumerate(counts)}


def test_no_rows_at_all_say_nothing() -> None:
    assert judge_counts({}, 1000) is None


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([999], "below the floor"),
        ([1000], None),
        ([2000] * 60, None),
        ([2000] * 59 + [4000], "far from its history"),
        ([2000] * 59 + [1200], "far from its history"),
        ([2000] * 59 + [2300], None),
        ([2000] * 3 + [5000], None),  # too little history
        ([500] * 60, "below the floor"),
    ],
)
def test_the_newest_day_is_judged(counts: list[int], reason: str | None) -> None:
    finding = judge_counts(history(*counts), 1000)
    assert (finding.reason if finding else None) == reason


def test_a_weekend_is_compared_with_weekends() -> None:
    counts = {
        LAST - timedelta(back): 1100 if (LAST - timedelta(back)).weekday() >= 5 else 5000
        for back in range(1, 60)
    }
    sunday = LAST - timedelta(1)
    assert judge_counts({day: rows for day, rows in counts.items() if day <= sunday}, 1000) is None


@given(st.lists(st.integers(1900, 2100), min_size=30, max_size=60))
def test_ordinary_days_are_quiet(counts: list[int]) -> None:
    assert judge_counts(history(*counts), 1000) is None


def test_each_feed_has_one_alert_that_a_plausible_day_closes(
    publisher: Publisher, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(count_alerts, "_QUIET_SECONDS", 0)
    monkeypatch.setenv("ASSAY_COUNT_FLOOR", "10")
    monkeypatch.setenv("ASSAY_UI_URL", "http://ui")
    sensor = build_count_alerts(
        "finance", "totals", "SELECT note, day, sum(version) FROM shared_test.totals GROUP BY 1, 2"
    )

    def load(rows: int, day: str) -> None:
        warehouse = publisher.warehouse
        with warehouse.commit("totals", [day], "r", warehouse.now()) as cursor:
            cursor.execute(
                "INSERT INTO shared_test.totals (note, day, version, run_id)"
                " VALUES ('shop', %s, %s, 'r')",
                (day, rows),
            )

    def tick(cursor: str | None) -> str | None:
        result = sensor(
            dg.build_sensor_context(
                instance=instance, cursor=cursor, resources={"publisher": publisher}
            )
        )
        assert isinstance(result, dg.SensorResult)
        return result.cursor or cursor

    def alert() -> tuple[object, ...]:
        with publisher.warehouse.transaction() as cursor:
            cursor.execute("SELECT key, state, count, link FROM ops.alerts")
            (row,) = cursor.fetchall()
        return row

    page = "http://ui/assets/totals"
    load(3, "2025-01-01")
    cursor = tick(tick(None))
    assert alert() == ("rows.unusual:finance:shop", "open", 1, page)
    load(12, "2025-01-02")
    tick(cursor)
    assert alert()[1] == "closed"
