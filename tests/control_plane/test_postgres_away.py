"""While Postgres is away the alerter tells it without the outbox, and writes it down afterwards."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from control_plane.alert_channels import channels
from control_plane.alert_pace import Pace
from control_plane.alerter import plan_once, send_once
from control_plane.postgres_away import PATIENCE_SECONDS, PostgresAway
from control_plane.settings import Settings
from tests.control_plane.webhook import Webhook

NOW = 1_000_000.0


def alerts(here: Settings) -> dict[str, str]:
    with closing(psycopg2.connect(here.warehouse_dsn("alerter"))) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT key, state FROM ops.alerts")
        return dict(cursor.fetchall())


def test_postgres_away_is_told_at_once_and_written_down_afterwards(
    ops: Settings, tmp_path: Path
) -> None:
    with Webhook() as hook, Webhook() as deaf:
        deaf.status = 500
        to = channels([hook.url, deaf.url])

        def again() -> PostgresAway:
            """As after a restart of the alerter."""
            return PostgresAway(tmp_path / "away.json", "assay", "http://ui")

        away = again()
        assert away.still(to, NOW) == []
        assert away.still(to, NOW + PATIENCE_SECONDS - 1) == []
        tried = away.still(to, NOW + PATIENCE_SECONDS)
        assert [error is None for _, error in tried] == [True, False]
        away = again()
        assert away.still(to, NOW + PATIENCE_SECONDS + 1) == []  # told, and resting
        assert len(hook.got) == 1
        assert hook.titles[0].startswith("[assay] critical: platform: Postgres does not answer")
        deaf.status = 200
        with closing(psycopg2.connect(ops.warehouse_dsn("alerter"))) as connection:
            outage = away.over(connection, to, NOW + 100)
            assert outage == 100
            assert again().outage is None
            assert alerts(ops) == {"postgres.away:postgres": "closed"}
            plan_once(connection, to, [])
            for channel in to:
                send_once(connection, ops, channel, Pace(group=0, quiet=0))
        # Who was told gets the end; who was not gets both.
        assert [title.split()[1] for title in hook.titles] == ["critical:", "resolved:"]
        assert [title.split()[1] for title in deaf.titles] == ["critical:", "resolved:"]


def test_a_short_restart_of_postgres_is_nobodys_business(ops: Settings, tmp_path: Path) -> None:
    away = PostgresAway(tmp_path / "away.json", "assay", "")
    away.still([], NOW)
    with closing(psycopg2.connect(ops.warehouse_dsn("alerter"))) as connection:
        assert away.over(connection, [], NOW + 10) is None
    assert alerts(ops) == {}


def test_an_outage_that_was_written_down_twice_is_one(ops: Settings, tmp_path: Path) -> None:
    """The alerter was killed between writing it down and forgetting the file."""

    def count() -> list[Any]:
        with closing(psycopg2.connect(ops.warehouse_dsn("alerter"))) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT transition FROM ops.alert_transitions ORDER BY id")
            return cursor.fetchall()

    with Webhook() as hook:
        to = channels([hook.url])
        away = PostgresAway(tmp_path / "away.json", "assay", "")
        away.still(to, NOW)
        away.still(to, NOW + PATIENCE_SECONDS)
        kept = (tmp_path / "away.json").read_text()
        for _ in range(2):
            (tmp_path / "away.json").write_text(kept)
            away = PostgresAway(tmp_path / "away.json", "assay", "")
            with closing(psycopg2.connect(ops.warehouse_dsn("alerter"))) as connection:
                away.over(connection, to, NOW + 100)
    assert count() == [("opened",), ("closed",)]
