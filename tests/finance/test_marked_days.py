"""What people say of days, in contracts.d/incidents.csv, reaches the findings and the alerts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from finance_feeds import write_feed
from test_runs import FIRST, landing, rows, run_days, run_history  # noqa: F401  (landing: fixture)

DAYS = [FIRST + timedelta(days=n) for n in range(17)]
DOUBLED = DAYS[15]


@pytest.fixture
def marks(tmp_path):
    """The file that people write to; not there yet."""
    return tmp_path / "contracts/incidents.csv"


def doubled_day(landing) -> None:  # noqa: F811
    for day in DAYS:
        write_feed(landing, "bank", day, ["1.00"] * (20 if day == DOUBLED else 10))


def test_a_marked_finding_stays_in_the_table_and_its_alert_is_closed(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
    marks,
):
    doubled_day(landing)
    assert run_days(instance, publisher, DAYS[0], DAYS[-1]).success
    states = []
    for text in (None, f"date,source,mark\n{DOUBLED},bank,expected\n", None):
        marks.write_text(text) if text else marks.unlink(missing_ok=True)
        assert run_history(instance, publisher, least_history=2).success
        (found,) = rows(warehouse, "SELECT kind, marked FROM finance.anomaly_detection")
        ((state,),) = rows(warehouse, "SELECT state FROM ops.alerts")
        states.append((*found, state))
    assert states == [
        ("double", None, "open"), ("double", "expected", "closed"), ("double", None, "open")
    ]  # fmt: skip


def test_a_file_of_marks_that_cannot_be_used_fails_the_run_with_the_reason(
    instance,
    publisher,
    warehouse,
    landing,  # noqa: F811
    marks,
):
    doubled_day(landing)
    assert run_days(instance, publisher, DAYS[0], DAYS[-1]).success
    marks.write_text(f"date,source,mark\n{DOUBLED},bank,expcted\n")
    result = run_history(instance, publisher)
    assert not result.success
    failure = result.failure_data_for_node("anomaly_model")
    assert failure is not None
    assert "incidents.csv: row 1: a mark is incident or expected" in failure.error.to_string()
    assert "then materialise anomaly_model" in failure.error.to_string()
    assert instance.get_run_by_id(result.run_id).tags["dagster/max_retries"] == "0"
