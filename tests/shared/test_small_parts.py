"""Settings, patience with Postgres, facts for the UI, permanent failures of plain functions."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl
import psycopg2.extensions
import pytest
from dagster_postgres import utils

from user_code.settings import SettingsError, settings
from user_code.shared.permanent import fail_permanently
from user_code.shared.postgres_patience import PATIENT, wait_longer_for_postgres
from user_code.shared.publishing import PublishedFacts
from user_code.shared.run_facts import materialization_metadata, plot_metadata


def test_settings_have_defaults_and_say_what_lacks() -> None:
    empty = settings({})
    assert empty.root == Path("/assay")
    assert empty.landing == Path("/assay/landing")
    assert empty.count_floor == 1000
    with pytest.raises(SettingsError, match="/run/assay-secrets/pgpass is not there"):
        empty.warehouse_dsn()
    with pytest.raises(SettingsError, match="ASSAY_SETTLE_SECONDS='soon'"):
        settings({"ASSAY_SETTLE_SECONDS": "soon"})


def test_a_dsn_names_the_password_file_and_holds_no_password(tmp_path: Path) -> None:
    folder = tmp_path / "it's a \\ folder"
    folder.mkdir()
    (folder / "pgpass").write_text("*:*:*:user_code:very-secret\n")
    here = settings({"ASSAY_SECRETS": str(folder), "ASSAY_PG_HOST": "/tmp/a b"})
    words = psycopg2.extensions.parse_dsn(here.warehouse_dsn())
    assert words.pop("passfile") == str(folder / "pgpass")
    assert words == {
        "host": "/tmp/a b", "port": "5432", "dbname": "warehouse", "user": "user_code",
        "connect_timeout": "5", "application_name": "assay",
    }  # fmt: skip


def test_dagsters_storage_waits_longer_for_postgres() -> None:
    wait_longer_for_postgres()
    assert utils.retry_pg_connection_fn.__defaults__ == PATIENT
    wait_longer_for_postgres()


def test_a_changed_upstream_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "retry_pg_connection_fn", print)
    with pytest.raises(RuntimeError, match="postgres_patience"):
        wait_longer_for_postgres()


def test_a_materialisation_tells_counts_columns_time_and_memory() -> None:
    facts = PublishedFacts(3, pl.Schema({"a": pl.Int64, "b": pl.Decimal(38, 4)}), Path("x"))
    metadata = materialization_metadata(facts, seconds=1.23456, extra={"dropped": 2})
    assert metadata["dagster/row_count"] == 3
    columns = metadata["dagster/column_schema"].columns
    assert [(one.name, one.type) for one in columns] == [
        ("a", "Int64"),
        ("b", "Decimal(precision=38, scale=4)"),
    ]
    assert metadata["duration_s"] == 1.235
    assert 10 < metadata["peak_memory_mb"] < 100_000
    assert metadata["dropped"] == 2


def test_a_plot_is_an_image_and_a_huge_one_is_refused() -> None:
    assert str(plot_metadata(b"png").value).startswith("![plot](data:image/png;base64,")
    with pytest.raises(ValueError, match="200001 bytes"):
        plot_metadata(b"x" * 200_001)


def test_a_permanent_failure_of_a_plain_function_needs_no_run() -> None:
    with pytest.raises(dg.Failure, match="copy it again") as failed:
        fail_permanently(
            dg.build_op_context(instance=dg.DagsterInstance.ephemeral()),
            "cut off: copy it again",
            {"file": "a.vcf"},
        )
    assert failed.value.allow_retries is False
    assert set(failed.value.metadata) == {"file", "peak_memory_mb", "cpu_s"}
