"""Failed runs become alerts, without data; a later success closes them."""

from collections.abc import Callable

import dagster as dg
import pytest

from user_code.shared import run_ends
from user_code.shared.permanent import fail_permanently
from user_code.shared.publishing import Publisher
from user_code.shared.run_alerts import build_run_failure_alerts

SENSOR = build_run_failure_alerts()


class Mood:
    """What the op does next."""

    act: Callable[[dg.OpExecutionContext], None]


MOOD = Mood()


@dg.op
def work(context: dg.OpExecutionContext) -> None:
    MOOD.act(context)


@dg.job
def daily() -> None:
    work()


DEFINITIONS = dg.Definitions(jobs=[daily], sensors=[SENSOR], resources={"publisher": Publisher()})


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_ends, "_SETTLE_SECONDS", 0)
    monkeypatch.setenv("ASSAY_UI_URL", "http://ui")


def run(
    instance: dg.DagsterInstance,
    act: Callable[[dg.OpExecutionContext], None],
    tags: dict[str, str] | None = None,
) -> str:
    MOOD.act = act
    return daily.execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags={"dagster/partition": "2025-01-01"} | (tags or {}),
    ).run_id


def tick(instance: dg.DagsterInstance, publisher: Publisher, cursor: str | None) -> str | None:
    context = dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        resources={"publisher": publisher},
        definitions=DEFINITIONS,
    )
    result = SENSOR(context)
    assert isinstance(result, dg.SensorResult)
    return result.cursor


def alerts(publisher: Publisher) -> list[tuple[object, ...]]:
    with publisher.warehouse.transaction() as cursor:
        cursor.execute("SELECT key, state, count, subject, facts, link FROM ops.alerts")
        return cursor.fetchall()


def crash(context: dg.OpExecutionContext) -> None:
    raise ValueError("account 4711 is overdrawn")


def refuse(context: dg.OpExecutionContext) -> None:
    fail_permanently(context, "calls.vcf is cut off: copy it again\nand more")


def succeed(context: dg.OpExecutionContext) -> None: ...


def test_a_failure_says_where_and_what_but_no_data_and_a_success_closes_it(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    cursor = tick(instance, publisher, None)
    run_id = run(instance, crash)
    cursor = tick(instance, publisher, cursor)
    cursor = tick(instance, publisher, cursor)
    assert alerts(publisher) == [
        (
            "run.failed:daily:2025-01-01",
            "open",
            1,
            "daily failed for 2025-01-01 in work",
            {
                "job": "daily",
                "partitions": "2025-01-01",
                "step": "work",
                "error": "ValueError",
                "owners": [],
                "run_id": run_id,
            },
            f"http://ui/runs/{run_id}",
        )
    ]
    run(instance, crash)
    cursor = tick(instance, publisher, cursor)
    assert alerts(publisher)[0][1:3] == ("open", 2)
    run(instance, succeed)
    tick(instance, publisher, cursor)
    assert alerts(publisher)[0][1] == "closed"


def test_a_run_that_was_stopped_at_its_limit_is_told_so_though_a_step_of_it_failed(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    cursor = tick(instance, publisher, None)
    stopped = instance.get_run_by_id(run(instance, crash))
    assert stopped is not None
    instance.report_run_failed(stopped, "Exceeded maximum runtime of 60 seconds.")
    tick(instance, publisher, cursor)
    ((_, state, _, subject, facts, _),) = alerts(publisher)
    assert (state, subject) == (
        "open", "daily was stopped: it was over its time limit for 2025-01-01",
    )  # fmt: skip
    assert isinstance(facts, dict)
    assert facts["time_limit_s"] == 60


RANGE = {
    "dagster/asset_partition_range_start": "2025-01-02",
    "dagster/asset_partition_range_end": "2025-01-04",
}


def test_the_alert_of_a_range_closes_once_each_of_its_days_has_succeeded(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    run(instance, succeed, {"dagster/partition": "2025-01-03"})  # before: of no account
    cursor = tick(instance, publisher, None)
    run(instance, crash, RANGE)
    # Over before the failure is seen, but after it.
    run(instance, succeed, {"dagster/partition": "2025-01-02"})
    cursor = tick(instance, publisher, cursor)
    for day in ("2025-01-04", "2025-01-05", "2025-02-03"):
        run(instance, succeed, {"dagster/partition": day})
        cursor = tick(instance, publisher, cursor)
    assert [row[:2] for row in alerts(publisher)] == [
        ("run.failed:daily:2025-01-02..2025-01-04", "open")
    ]
    run(instance, succeed, {"dagster/partition": "2025-01-03"})
    tick(instance, publisher, cursor)
    assert [row[1] for row in alerts(publisher)] == ["closed"]


def test_a_wider_range_closes_a_range_and_a_day_in_it(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    run(instance, crash, RANGE)
    run(instance, crash, {"dagster/partition": "2025-01-03"})
    cursor = tick(instance, publisher, None)
    assert [row[1] for row in alerts(publisher)] == ["open", "open"]
    run(instance, succeed, RANGE | {"dagster/asset_partition_range_end": "2025-01-09"})
    tick(instance, publisher, cursor)
    assert [row[1] for row in alerts(publisher)] == ["closed", "closed"]


def test_our_own_message_is_told_and_its_run_is_not_retried(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    run_id = run(instance, refuse)
    tick(instance, publisher, None)
    facts = alerts(publisher)[0][4]
    assert isinstance(facts, dict)
    assert facts["error"] == "calls.vcf is cut off: copy it again"
    stored = instance.get_run_by_id(run_id)
    assert stored is not None
    assert stored.tags["dagster/max_retries"] == "0"


def test_a_run_that_will_be_retried_is_passed_over(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    run(instance, crash, {"dagster/will_retry": "true"})
    tick(instance, publisher, None)
    assert alerts(publisher) == []


def test_a_tag_set_long_after_the_end_is_no_new_failure(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    run_id = run(instance, crash)
    cursor = tick(instance, publisher, None)
    instance.add_run_tags(run_id, {"seen": "yes"})
    tick(instance, publisher, cursor)
    assert [row[2] for row in alerts(publisher)] == [1]


def test_an_alert_that_could_not_be_written_is_written_later(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    run(instance, crash)
    away = Publisher(root=publisher.root, dsn="host=/nowhere dbname=x user=y connect_timeout=1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("user_code.shared.warehouse.time.sleep", lambda _: None)
        patch.setattr("user_code.shared.warehouse.time.monotonic", iter(range(100)).__next__)
        with pytest.raises(Exception, match="nowhere"):
            tick(instance, away, None)
    tick(instance, publisher, None)
    assert len(alerts(publisher)) == 1
