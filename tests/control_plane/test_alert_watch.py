"""What the alerter sees by itself: daemons, code locations, ticks, queue, disks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from dagster._daemon import sensor as dagster_sensors
from dagster._scheduler import scheduler as dagster_schedules
from dagster_graphql.schema import create_schema
from graphql import parse, validate

from control_plane import metrics, platform_state
from control_plane.alert_watch import SETTLING_SECONDS, Watch
from control_plane.disk_space import Disk, disks
from control_plane.platform_findings import disk_findings, state_findings
from control_plane.platform_state import (
    Location,
    PlatformState,
    Tick,
    Ticking,
    WebserverAwayError,
)
from control_plane.settings import Settings
from tests.control_plane.webhook import Webhook

NOW = 1_000_000.0
WELL = PlatformState(
    version="1",
    heartbeats={"SENSOR": NOW - 30, "SCHEDULER": NOW - 74},
    locations=(Location("user_code", "", False),),
    ticking=(Ticking("landing", False, (Tick("SKIPPED", NOW - 10),)),),
    queued=0,
    oldest_queued=None,
    busy=4,
    slots=4,
)


def ticking(*ticks: Tick, schedule: bool = False) -> PlatformState:
    return replace(WELL, ticking=(Ticking("landing", schedule, ticks),))


def failed(seconds_ago: float) -> Tick:
    return Tick("FAILURE", NOW - seconds_ago, "ValueError")


def fine(seconds_ago: float) -> Tick:
    return Tick("SKIPPED", NOW - seconds_ago)


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        (WELL, []),
        (replace(WELL, heartbeats={"SENSOR": NOW - 76}), ["daemon.silent:daemon"]),
        (replace(WELL, heartbeats={"SENSOR": NOW - 1, "X": None}), ["daemon.part_silent:daemon"]),
        (
            replace(WELL, locations=(Location("user_code", "ImportError", False),)),
            ["location.failed:user_code"],
        ),
        (replace(WELL, locations=(Location("user_code", "ImportError", True),)), []),
        (ticking(failed(5)), []),  # the next look may be better
        (ticking(failed(5), failed(20)), ["tick.failed:landing"]),
        (ticking(failed(50)), ["tick.failed:landing"]),
        (ticking(Tick("STARTED", NOW), failed(5), failed(20)), ["tick.failed:landing"]),
        (ticking(Tick("SUCCESS", NOW), failed(5), failed(20)), []),
        (ticking(failed(1), fine(16), failed(31), fine(46)), ["tick.failed:landing"]),
        (ticking(fine(1), failed(16), fine(31), failed(46)), ["tick.failed:landing"]),
        (ticking(Tick("STARTED", NOW), *[fine(1)] * 4, failed(61), failed(76)), []),
        (ticking(fine(1), failed(16), *[fine(31)] * 4, failed(106)), []),  # long ago
        (ticking(fine(1), failed(16), fine(31), failed(46), schedule=True), []),
        (ticking(failed(5), schedule=True), ["tick.failed:landing"]),
        (replace(WELL, queued=9, oldest_queued=NOW - 4000), []),  # all slots are busy
        (replace(WELL, queued=9, oldest_queued=NOW - 4000, busy=3), ["queue.stuck:queue"]),
        (replace(WELL, queued=9, oldest_queued=NOW - 100, busy=3), []),
    ],
)
def test_what_is_wrong_with_the_platform(state: PlatformState, keys: list[str]) -> None:
    assert [finding.key for finding in state_findings(state, NOW)] == keys


def test_a_tenth_of_a_small_disk_warns_and_a_last_gigabyte_is_critical() -> None:
    def judged(total: float, free: float) -> list[str]:
        return [f.severity for f in disk_findings([Disk("x", int(total * 1e9), int(free * 1e9))])]

    assert judged(100, 50) == []
    assert judged(1000, 90) == []  # 90 GB are enough for anybody
    assert judged(100, 9) == ["warning"]
    assert judged(100, 0.9) == ["critical"]


def test_folders_on_one_file_system_are_one_disk(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    found = disks([("a", tmp_path / "a"), ("b", tmp_path), ("c", tmp_path / "absent")])
    assert [one.name for one in found] == ["a, b"]
    assert 0 < found[0].free <= found[0].total


@pytest.mark.parametrize("query", [platform_state._QUERY, metrics._QUERY])
def test_dagsters_graphql_still_has_all_that_is_asked(query: str) -> None:
    assert validate(create_schema().graphql_schema, parse(query)) == []


class Platform:
    """A platform that is as the test says."""

    def __init__(self) -> None:
        self.now = NOW
        self.state: PlatformState | None = WELL
        self.silent: set[str] = set()

    def ask(self) -> PlatformState:
        if self.state is None:
            raise WebserverAwayError("refused")
        return replace(
            self.state,
            heartbeats={
                name: self.now - (1000 if name in self.silent else 0)
                for name in ("SENSOR", "SCHEDULER")
            },
        )


def alerts(here: Settings) -> dict[str, str]:
    with closing(psycopg2.connect(here.warehouse_dsn("alerter"))) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT key, state FROM ops.alerts")
        return dict(cursor.fetchall())


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def look(ops: Settings, platform: Platform) -> Callable[..., dict[str, str]]:
    watches = []

    def look(seconds: float = 0, restarted: bool = False) -> dict[str, str]:
        if restarted or not watches:
            watches[:] = [Watch(platform.ask, lambda: [], lambda: platform.now)]
            platform.now += 0 if restarted else SETTLING_SECONDS
        platform.now += seconds
        with closing(psycopg2.connect(ops.warehouse_dsn("alerter"))) as connection:
            watches[0].tell(connection, *watches[0].look())
        return alerts(ops)

    return look


def test_what_lasts_opens_and_what_is_over_closes(
    look: Callable[..., dict[str, str]], platform: Platform
) -> None:
    key = "location.failed:user_code"
    platform.state = replace(WELL, locations=(Location("user_code", "ImportError", False),))
    assert look() == {}
    assert look(30) == {}  # a redeploy takes so long
    assert look(30) == {key: "open"}
    # A restarted alerter has lost its patience, and closes nothing for that.
    assert look(20, restarted=True) == {key: "open"}
    platform.state = WELL
    assert look(20) == {key: "closed"}


def test_the_whole_daemons_death_is_news_of_its_own_after_a_parts_silence(
    look: Callable[..., dict[str, str]], platform: Platform
) -> None:
    part, whole = "daemon.part_silent:daemon", "daemon.silent:daemon"
    platform.silent = {"SENSOR"}
    assert look() == {}
    assert look(119) == {}  # a machine with too much to do
    assert look(1) == {part: "open"}
    platform.silent = {"SENSOR", "SCHEDULER"}
    assert look(20) == {part: "closed", whole: "open"}
    platform.silent = set()
    assert look(20) == {part: "closed", whole: "closed"}


@pytest.mark.parametrize(
    "error", ["DagsterUserCodeUnreachableError", "DagsterCodeLocationLoadError"]
)
def test_sensors_that_could_not_look_while_the_code_server_was_away_are_no_news_of_their_own(
    look: Callable[..., dict[str, str]], platform: Platform, error: str
) -> None:
    platform.state = ticking(Tick("FAILURE", NOW - 60, error), Tick("FAILURE", NOW - 90, error))
    assert look() == {}
    assert look(60) == {}  # the next look may take so long
    platform.state = WELL
    assert look(20) == {}
    # But who never reaches it again sees nothing.
    platform.state = ticking(Tick("FAILURE", NOW - 60, error), Tick("FAILURE", NOW - 90, error))
    assert look() == {}
    assert look(90) == {"tick.failed:landing": "open"}


def test_dagster_still_notes_such_ticks_by_these_names() -> None:
    for loop in (dagster_sensors, dagster_schedules):
        source = inspect.getsource(loop)
        assert "(DagsterUserCodeUnreachableError, DagsterCodeLocationLoadError)" in source


def test_a_slot_that_is_free_between_two_runs_is_no_news(
    look: Callable[..., dict[str, str]], platform: Platform
) -> None:
    waiting = replace(WELL, queued=9, oldest_queued=NOW - 4000)
    for _ in range(5):
        platform.state = replace(waiting, busy=3)
        assert look(20) == {}
        platform.state = waiting
        assert look(20) == {}
    platform.state = replace(waiting, busy=3)
    assert look() == {}
    assert look(60) == {"queue.stuck:queue": "open"}


def test_while_everything_starts_what_does_not_answer_yet_is_no_news(
    look: Callable[..., dict[str, str]], platform: Platform
) -> None:
    platform.state = None
    assert look(restarted=True) == {}
    assert look(SETTLING_SECONDS - 1) == {}
    assert look(2) == {"webserver.away:webserver": "open"}


def test_what_was_once_in_order_need_not_settle_after_a_restart_of_the_alerter(
    look: Callable[..., dict[str, str]], platform: Platform
) -> None:
    broken = replace(WELL, locations=(Location("user_code", "ImportError", False),))
    platform.state = broken
    assert look(restarted=True) == {}
    platform.silent = {"SENSOR", "SCHEDULER"}
    assert look(20) == {"daemon.silent:daemon": "open"}  # it was well at the first look
    # The code has not been in order yet: it may still be starting.
    assert look(60) == {"daemon.silent:daemon": "open"}
    platform.state = WELL
    look(20)
    platform.state = broken
    look(1)
    assert look(50)["location.failed:user_code"] == "open"  # long before all has settled


def test_while_the_webserver_is_away_nothing_is_closed_that_it_alone_knows(
    look: Callable[..., dict[str, str]], platform: Platform
) -> None:
    platform.state = ticking(failed(50))
    assert look() == {"tick.failed:landing": "open"}
    platform.state = None
    look(20)
    found = look(60)
    assert found == {"tick.failed:landing": "open", "webserver.away:webserver": "open"}
    platform.state = WELL
    assert set(look(20).values()) == {"closed"}


def test_a_webserver_that_answers_nonsense_is_away() -> None:
    with Webhook() as nonsense, pytest.raises(WebserverAwayError):
        platform_state.platform_state(f"http://127.0.0.1:{nonsense.port}")
