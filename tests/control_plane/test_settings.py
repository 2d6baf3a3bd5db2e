"""The environment as the control plane reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from control_plane.settings import SettingsError, settings


def test_defaults_need_no_variable_at_all() -> None:
    got = settings({})
    assert (got.project, got.pg_host, got.pg_port) == ("assay", "postgres", 5432)
    assert (got.run_memory_bytes(), got.run_cpus, got.alert_urls) == (2 * 2**30, 2.0, ())


def test_missing_secrets_are_named_only_when_they_are_needed() -> None:
    with pytest.raises(SettingsError, match="/run/assay-secrets/pgpass is not there"):
        settings({}).warehouse_dsn("migrator")


def test_a_dsn_names_the_password_file_and_holds_no_password(tmp_path: Path) -> None:
    from psycopg2.extensions import parse_dsn

    (tmp_path / "pgpass").write_text("*:*:*:alerter:very-secret\n")
    words = parse_dsn(settings({"ASSAY_SECRETS": str(tmp_path)}).warehouse_dsn("alerter"))
    assert words["passfile"] == str(tmp_path / "pgpass")
    assert "very-secret" not in str(words)


def test_alert_urls_come_from_the_secret_file_and_from_the_variable(tmp_path: Path) -> None:
    (tmp_path / "alert_urls").write_text("json://one json://two")
    told = {"ASSAY_SECRETS": str(tmp_path), "ASSAY_ALERT_URLS": "json://three"}
    assert settings(told).alert_urls == ("json://one", "json://two", "json://three")


@pytest.mark.parametrize(
    ("text", "size"), [("512m", 512 * 2**20), ("2G", 2**31), ("1gb", 2**30), ("1048576", 2**20)]
)
def test_sizes_as_docker_writes_them(text: str, size: int) -> None:
    assert settings({"ASSAY_RUN_MEMORY": text}).run_memory_bytes() == size


@pytest.mark.parametrize("text", ["lots", "0", "-1g", "2 gigabytes"])
def test_a_size_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="ASSAY_RUN_MEMORY"):
        settings({"ASSAY_RUN_MEMORY": text}).run_memory_bytes()


@pytest.mark.parametrize("name", ["ASSAY_PG_PORT", "ASSAY_RUN_CPUS"])
@pytest.mark.parametrize("text", ["none", "0", "-2"])
def test_a_number_that_is_none_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings({name: text})


def test_a_run_is_told_what_it_needs_and_no_secret() -> None:
    told = settings(
        {
            "ASSAY_PG_HOST": "postgres",
            "ASSAY_DAGSTER_PASSWORD": "a",
            "ASSAY_SECRETS": "/elsewhere",
            "ASSAY_ALERT_URLS": "json://secret@host",
            "PATH": "/bin",
        }
    ).run_environment()
    assert told == {"ASSAY_PG_HOST": "postgres"}


def test_no_secret_shows_where_settings_are_printed() -> None:
    here = settings({"ASSAY_ALERT_URLS": "json://geheim"})
    assert "geheim" not in repr(here)
